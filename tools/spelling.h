// Caffe's way to write a command line.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace crema {

// The program's arguments with a second dash before each flag that has one dash and several letters, as Caffe's users
// write them: `-solver x`, `-gpu=all`. Only flags that the program or the subcommand has are changed, and never what
// follows a flag as its value. A subcommand that follows flags, as Caffe allows, is moved to the front.
std::vector<std::string> with_two_dashes(const CLI::App& app, int argc, const char* const* argv);

}  // namespace crema
