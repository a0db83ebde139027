// A net as a graph in Graphviz's language.
#pragma once

#include <string>

#include "survey.h"

namespace crema {

// Layers are boxes with their type, settings and costs; edges carry blobs with their shapes. A layer that works in
// place has a dashed frame. Draws the survey's net, which must be complete.
std::string net_dot(Survey& survey, const std::string& title);

}  // namespace crema
