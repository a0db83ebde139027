// The tool, run as a user runs it.
#pragma once

#include <string>

namespace crema {

struct Result {
  int code;
  std::string out, err;
};

// Runs the program with arguments for the shell, in the tests' working directory: the repository's root.
Result crema(const std::string& arguments);

std::string shell_quoted(const std::string& text);

}  // namespace crema
