// The program. Exit code 0: done; 1: an error, reported in one line; 2: bad usage; 128 + n: signal n has ended a
// training.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <system_error>

#include "base/file.h"
#include "base/log.h"
#include "base/parallel.h"
#include "before_libraries.h"
#include "commands.h"
#include "config/suggest.h"
#include "flags.h"
#include "help.h"
#include "math/math_info.h"
#include "spelling.h"
#include "units.h"

namespace {

int fail(int code, const std::string& message) {
  crema::print_error(fmt::format("crema: {}\n", crema::error_line(message)));
  return code;
}

// The nearest command or flag to an unknown one.
std::string meant(const CLI::App& app, const std::string& word) {
  const auto commands = app.get_subcommands();
  std::vector<std::string> names;
  if (!word.starts_with('-') && commands.empty()) {
    for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  } else if (word.starts_with('-')) {
    for (const CLI::Option* option : (commands.empty() ? app : *commands[0]).get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back(name);
    }
  }
  const size_t begin = std::min(word.find_first_not_of('-'), word.size());
  const std::string near = crema::nearest(word.substr(begin, word.find('=') - begin), names);
  return near.empty() ? "" : fmt::format("; did you mean \"{}{}\"?", begin > 0 ? "--" : "", near);
}

int bad_usage(const CLI::App& app, const CLI::ParseError& error) {
  const auto commands = app.get_subcommands();
  const std::string command = commands.empty() ? "crema" : "crema " + commands[0]->get_name();
  std::string message = error.what();
  const auto unknown = app.remaining(true);  // the library's message lists them in reverse order
  const bool may_be_misspelt = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                               dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (may_be_misspelt && !unknown.empty()) {
    const std::string near = meant(app, unknown[0]);
    message =
        fmt::format("not expected: {}{}", near.empty() ? fmt::format("{}", fmt::join(unknown, " ")) : unknown[0], near);
  }
  return fail(2, fmt::format("{} (see {} --help)", message, command));
}

// Writing the printed text to its file may still fail.
int flush() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return 0;
  return fail(1, fmt::format("standard output: cannot write: {}", std::strerror(errno)));
}

// OMP_NUM_THREADS may be no number, or ask for more threads than fit into memory.
void bound_threads() {
  if (const crema::BadVariable bad = crema::bad_openmp_variable(); bad.text != nullptr) {
    CREMA_WARN("{} is left out: expected {}", crema::one_line(bad.text), bad.expected);
  }
  const int wanted = omp_get_max_threads(), most = crema::most_threads();
  if (wanted <= most) return;
  const int used = std::min(most, omp_get_num_procs());
  CREMA_WARN("OMP_NUM_THREADS asks for {} threads, and {} are the most; {} compute", wanted, most, used);
  omp_set_num_threads(used);
}

int run(int argc, char** argv) {
  crema::set_up_log();
  bound_threads();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows beyond its limit is an error like a full disk
  CLI::App app("Trains and runs neural networks that are written as text.", "crema");
  app.set_version_flag("--version", [] {
    const std::string engine = crema::engine_info().version;
    return fmt::format("crema {} ({})", CREMA_VERSION, engine.empty() ? "without oneDNN" : "oneDNN " + engine);
  });
  app.formatter(std::make_shared<crema::Help>());
  app.require_subcommand(0, 1);  // a missing subcommand is handled below, after unknown words
  crema::add_train(app);
  crema::add_test(app);
  crema::add_show(app);
  crema::add_check(app);
  crema::add_time(app);
  crema::add_draw(app);
  crema::add_plot(app);
  crema::add_info(app);
  crema::add_completion(app);
  try {
    std::vector<std::string> arguments = crema::with_two_dashes(app, argc, argv);
    if (!arguments.empty() && arguments[0] == "help") {  // "help train" is "train --help"
      arguments.erase(arguments.begin());
      arguments.emplace_back("--help");
    }
    std::reverse(arguments.begin(), arguments.end());  // CLI11 expects them in reverse order
    app.parse(std::move(arguments));
    if (!app.get_subcommands().empty()) return flush();
    fmt::print("{}", app.help());
    return std::max(2, flush());
  } catch (const CLI::RuntimeError& error) {  // its errors have been reported
    return std::max(error.get_exit_code(), flush());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return bad_usage(app, error);
    app.exit(error);  // prints the help or the version that was asked for
    return flush();
  } catch (const std::bad_alloc&) {
    return fail(1, "out of memory");
  } catch (const std::system_error& error) {
    if (std::ferror(stdout) == 0) return fail(1, error.what());
    return fail(1, fmt::format("standard output: cannot write: {}", error.code().message()));
  } catch (const std::exception& error) {
    return fail(1, error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (...) {  // there is no memory to report the error
    return 1;
  }
}
