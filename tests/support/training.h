// A small training on data/mnist-10k, which tests put together from pieces of text.
#pragma once

#include <string>

#include "support/data_files.h"

namespace crema {

// A net with shuffled data, dropout and a test net's data and accuracy. `train_data` goes into data_param beside the
// source.
std::string digits_net(const std::string& train_data = "batch_size: 8 shuffle: true");

// A solver of that net, inline. `fields` adds to: base_lr 0.1, lr_policy fixed, max_iter 6, display 0.
std::string digits_solver(const std::string& fields, const std::string& net = digits_net());

// Whether a file in models/ does not belong to the project but was written by a training there.
inline bool left_by_a_run(const std::string& name) { return name.ends_with("_run.prototxt"); }

// Whether a net or solver in models/ is for ImageNet, whose images do not come with the project.
bool for_imagenet(const std::string& path);

// A file with a solver of LeNet on the same data, whose snapshots go into the folder as lenet_iter_N.
std::string lenet_solver(const TempFolder& folder, const std::string& fields);

// A test net's state asks for its test_iter.
inline constexpr const char* kOneTest = " test_iter: 1 test_interval: 1000 test_initialization: false";

}  // namespace crema
