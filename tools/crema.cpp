// The program. Exit code 0: done; 1: an error, told in one line; 2: bad usage.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <new>

#include "base/log.h"
#include "commands.h"

namespace {

int fail(int code, std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  fmt::print(stderr, "crema: {}\n", message);
  return code;
}

int bad_usage(const CLI::App& app, const CLI::ParseError& error) {
  const auto commands = app.get_subcommands();
  const std::string command = commands.empty() ? "crema" : "crema " + commands[0]->get_name();
  return fail(2, fmt::format("{} (see {} --help)", error.what(), command));
}

}  // namespace

int main(int argc, char** argv) {
  crema::set_up_log();
  CLI::App app("Trains and runs neural networks that are written as text.", "crema");
  app.set_version_flag("--version", "crema " CREMA_VERSION);
  app.require_subcommand(1);
  crema::add_train(app);
  crema::add_test(app);
  crema::add_show(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : bad_usage(app, error);
  } catch (const std::bad_alloc&) {
    return fail(1, "out of memory");
  } catch (const std::exception& error) {
    return fail(1, error.what());
  }
}
