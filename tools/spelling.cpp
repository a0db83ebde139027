#include "spelling.h"

#include <algorithm>
#include <utility>

namespace crema {
namespace {

const CLI::Option* find_flag(const CLI::App& app, const CLI::App& command, const std::string& name) {
  const CLI::Option* own = command.get_option_no_throw(name);
  return own ? own : app.get_option_no_throw(name);
}

void put_subcommand_first(const CLI::App& app, std::vector<std::string>* arguments) {
  const auto is_subcommand = [&](const std::string& argument) {
    return !app.get_subcommands([&](const CLI::App* command) { return command->check_name(argument); }).empty();
  };
  const auto found = std::find_if(arguments->begin(), arguments->end(), is_subcommand);
  if (found != arguments->end()) std::rotate(arguments->begin(), found, found + 1);
}

}  // namespace

std::vector<std::string> with_two_dashes(const CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (!arguments.empty() && arguments[0].starts_with('-')) put_subcommand_first(app, &arguments);
  const CLI::App* command = &app;
  bool value_follows = false;
  for (std::string& argument : arguments) {
    if (std::exchange(value_follows, false)) continue;
    if (argument == "--") break;
    if (!argument.starts_with('-')) {
      const auto named = [&](const CLI::App* other) { return other->check_name(argument); };
      if (const auto found = command->get_subcommands(named); !found.empty()) command = found[0];
      continue;
    }
    std::string flag = argument.substr(0, argument.find('='));
    if (!flag.starts_with("--") && flag.size() > 2) flag.insert(0, "-");
    const CLI::Option* option = find_flag(app, *command, flag);
    if (!option) continue;
    if (flag.starts_with("--") && !argument.starts_with("--")) argument.insert(0, "-");
    value_follows = option->get_items_expected_min() > 0 && argument == flag;
  }
  return arguments;
}

}  // namespace crema
