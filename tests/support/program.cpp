#include "support/program.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdlib>

#include "support/data_files.h"

namespace crema {

std::string shell_quoted(const std::string& text) { return "'" + text + "'"; }

Result crema(const std::string& arguments) {
  const TempFolder folder;
  const std::string command = fmt::format("{} {} > {} 2> {}", shell_quoted(CREMA_TOOL), arguments,
                                          shell_quoted(folder / "out"), shell_quoted(folder / "err"));
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(folder / "out"), read_file(folder / "err")};
}

}  // namespace crema
