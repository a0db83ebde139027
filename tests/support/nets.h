// Small nets written in a test, and the values of a net that a caller can see after a pass.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/net.h"

namespace crema {

// The net in `text`, filtered. Errors call the file "net.prototxt".
NetConfig config_of(const std::string& text, Phase phase = TRAIN);
std::unique_ptr<Net> net_of(const std::string& text, const NetOptions& options = {}, Phase phase = TRAIN);

// An Input layer with one top of its own name.
std::string input_text(const std::string& name, const std::vector<long>& dims);

// Options of a net whose buffers all have memory of their own, NaN at first.
NetOptions unplanned(NetOptions options = {});

// Writes keyed random numbers: to an Input's top, to the diff of an output.
void fill_input(Net& net, const std::string& name, double low = -1, double high = 1);
void fill_output_diff(Net& net, const std::string& name);
void set_input(Net& net, const std::string& name, const std::vector<float>& values);

// What the caller of a net can see: outputs, diffs of inputs, data and diffs of parameters.
using Seen = std::map<std::string, std::vector<real>>;
Seen see(Net& net);
testing::AssertionResult same(const Seen& a, const Seen& b);

}  // namespace crema
