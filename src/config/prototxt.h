// Protobuf's text format, read with the position of every field. It accepts what protobuf's own parser accepts. An
// error says where the first fault is and what was expected:
//
//   solver.prototxt:3:1: SolverParameter has no field "base_Ir"; did you mean "base_lr"?
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace crema {

// Longer texts are refused.
inline constexpr uint64_t kLongestText = uint64_t{64} << 20;

// Nets with more layers are refused, too: a layer takes a hundred times the memory of the shortest text that makes one.
inline constexpr int kMostLayers = 200000;

struct TextFault {
  std::string message;  // with its place
  Position layer;       // where the layer with the fault begins; not known() outside of layers
};

// How a text is read.
struct Reading {
  // A layer may hold messages that the schema does not have ("roi_pooling_param"), for example if its type is from
  // another fork. They are skipped; the Source knows where they stand, and check_layer_types() (config/check.h) judges
  // them.
  bool other_params = false;
  // Not null: a fault is added here instead of thrown, and reading goes on after it, as far as that makes sense.
  std::vector<TextFault>* faults = nullptr;
};

// Sets `message` to what `text` says and returns the positions. `file` is the name that errors carry. Throws Error.
Source parse_prototxt(std::string_view text, const std::string& file, google::protobuf::Message& message,
                      const Reading& reading = {});

// The text of a file; "-": of standard input. Throws Error.
std::string read_text(const std::string& path);

}  // namespace crema
