// The program, run as a process.
#pragma once

#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "base/file.h"
#include "support/data_files.h"

namespace crema {

struct ToolResult {
  int code;
  std::string out, err;
};

// Runs the program with arguments for the shell.
inline ToolResult run_tool(const std::string& arguments) {
  const TempFolder folder;
  const std::string command =
      fmt::format("'{}' {} > '{}' 2> '{}'", CREMA_TOOL, arguments, folder / "out", folder / "err");
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(folder / "out"), read_file(folder / "err")};
}

}  // namespace crema
