// Three interleaved spirals in the plane, a class each: no line separates them.
#pragma once

#include <string>
#include <vector>

namespace crema {

struct Spirals {
  std::vector<float> data;   // x and y of each point
  std::vector<float> label;  // 0, 1, 2 in turn
};

// `per_class` points a spiral with noise, from keyed random numbers: `name` says which set ("train", "test").
Spirals make_spirals(const std::string& name, int per_class);

// Writes them as data sets "data" (N x 2) and "label" (N) of an HDF5 file; the same points give the same bytes.
void write_spirals(const std::string& path, const Spirals& spirals);

}  // namespace crema
