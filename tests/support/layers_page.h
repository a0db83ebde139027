// docs/layers.md: every layer type with its source's opening comment, the fields of its messages and an example, which
// is its first row in the tables of tests.
#pragma once

#include <string>

namespace crema {

// The whole page, from the sources, the schema and the rows of the project in `root`. Throws Error if no file of
// src/layers/ registers a type, or if a file has no opening comment.
std::string layers_page(const std::string& root);

}  // namespace crema
