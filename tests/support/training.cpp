#include "support/training.h"

namespace crema {

std::string digits_net(const std::string& train_data) {
  return R"(
    name: "digits"
    layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
            transform_param { scale: 0.00390625 }
            data_param { backend: IDX source: "data/mnist-10k/train-images-idx3-ubyte.gz" )" +
         train_data + R"( } }
    layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
            transform_param { scale: 0.00390625 }
            data_param { backend: IDX source: "data/mnist-10k/t10k-images-idx3-ubyte.gz" batch_size: 100 } }
    layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
            inner_product_param { num_output: 16 weight_filler { type: "xavier" } } }
    layer { name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }
    layer { name: "drop" type: "Dropout" bottom: "ip1" top: "ip1" }
    layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
            inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
    layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy" include { phase: TEST } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
  )";
}

std::string digits_solver(const std::string& fields, const std::string& net) {
  const auto has = [&](const char* field) { return fields.find(field) != std::string::npos; };
  return std::string(has("base_lr") ? "" : "base_lr: 0.1\n") + (has("lr_policy") ? "" : "lr_policy: 'fixed'\n") +
         (has("max_iter") ? "" : "max_iter: 6\n") + (has("display") ? "" : "display: 0\n") + fields + "\nnet_param { " +
         net + "}\n";
}

bool for_imagenet(const std::string& path) {
  const auto net = std::filesystem::path(path).parent_path() / "train_test.prototxt";
  return read_file(net).find("\"data/imagenet/") != std::string::npos;
}

std::string lenet_solver(const TempFolder& folder, const std::string& fields) {
  return folder.write("solver.prototxt", R"(
net: "models/lenet/train_test.prototxt"
train_state { stage: "mnist-10k" }
test_state { stage: "mnist-10k" }
base_lr: 0.02 momentum: 0.9 weight_decay: 0.0005 lr_policy: "fixed" random_seed: 1
snapshot_prefix: ")" + (folder / "lenet") + "\"\n" +
                                             fields + "\n");
}

}  // namespace crema
