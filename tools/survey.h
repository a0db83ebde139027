// The part of a net that can be built, without its memory, and all errors in the rest.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/net.h"
#include "stand_in.h"

namespace crema {

struct Survey {
  struct Fault {
    std::string text;       // one line
    bool left_out = false;  // a bottom is made only by layers that the filter left out
  };

  std::unique_ptr<Net> net;  // null if no layer is left
  std::map<std::string, StandIns::Replaced> replaced;
  std::vector<Fault> faults;
  // Layers that lack a file, one line each: data layers of unknown shape, and other layers such as InfogainLoss.
  std::vector<std::string> unknown;
  std::vector<std::string> assumed;   // missing sources for which a shape was assumed
  std::vector<std::string> left_out;  // layers with a fault or of unknown shape, and those that depend on them
  std::set<std::string> data_tops;    // blobs that --shape may name

  bool whole() const { return faults.empty() && left_out.empty(); }
  // The layer's type as the text has it, and "given", "assumed" or "" for its shape.
  StandIns::Replaced origin(int layer) const;
};

// `config` is filtered. If a layer cannot be built, it and the layers that depend on it are left out, and the rest is
// built. `spoilt`: layers whose fault was reported before, by the places where they begin. options.memory is taken as
// false.
Survey survey(const NetConfig& config, const ShapeFlags& shapes, NetOptions options,
              const std::set<std::pair<int, int>>& spoilt = {});

// "data 64 1 28 28 (assumed), label 64 (assumed)".
std::string tops_text(const Survey& survey, int layer);

}  // namespace crema
