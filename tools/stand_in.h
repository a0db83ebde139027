// Nets without their data: a data layer whose source is missing is replaced by an Input layer with shapes known from
// elsewhere, so that the rest of the net can be checked.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/net_config.h"
#include "math/shape.h"

namespace CLI {
class App;
}

namespace crema {

// --shape BLOB=N,C,H,W, any number of times: shapes by the names of data layers' tops.
struct ShapeFlags {
  std::map<std::string, Shape> given;
};
void add_shape_flag(CLI::App& command, ShapeFlags& flags);

struct StandIns {
  NetConfig config;  // with Input layers in place of the replaced layers; Input layers of unknown shape have no shapes

  // By the first top of a layer that was replaced: its type, where its shape comes from, "given" or "assumed", and how
  // many batches it would hold beside its tops.
  struct Replaced {
    std::string type, shape_is;
    long batches = 0;
  };
  std::map<std::string, Replaced> replaced;

  // Data layers that could not be replaced, and those of types that crema does not have: one line each.
  std::vector<std::string> faults;
  // The same for layers whose source is missing and whose shape is unknown: in `config` they have no shapes.
  std::vector<std::string> unknown;
  std::vector<std::string> assumed;  // the same for layers whose source is missing and whose shape was assumed
  std::set<std::string> data_tops;   // of all data layers: their shapes may be given
};

// A data layer gets the shapes that are given for its tops. A layer without given shapes stays as it is if its source
// is there. Otherwise top 0 is assumed to be (batch_size, 3, crop_size, crop_size), with 1 channel if the layer is set
// to grey, and each further top, a label, to be (batch_size). `config` is filtered.
StandIns stand_in(const NetConfig& config, const std::map<std::string, Shape>& given);

// The error for a file that the layer names and that is missing; "" if all are there.
std::string missing_file(LayerParameter layer, const Source& source);

// What is wrong with a layer's type; "" if nothing.
std::string type_fault(const NetConfig& config, int layer);

// Throws Error if --shape names a blob that is not one of `data_tops`.
void check_blobs(const ShapeFlags& flags, const std::set<std::string>& data_tops);

}  // namespace crema
