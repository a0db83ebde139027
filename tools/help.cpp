#include "help.h"

#include <fmt/format.h>

namespace crema {

// CLI11's name of a value is "TEXT:FILE": CLI11's own name of the type, then the names from the checks.
std::string value_name(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return "";
  const std::string type = option.get_type_name();
  return type.substr(type.rfind(':') + 1);
}

std::string Help::make_option_opts(const CLI::Option* option) const {
  std::string text = option->get_option_text().empty() ? value_name(*option) : option->get_option_text();
  if (option->get_delimiter() != '\0' && !text.empty()) text += fmt::format("{}...", option->get_delimiter());
  if (!text.empty()) text.insert(0, " ");
  if (option->get_required() && option->nonpositional()) text += " (required)";
  if (!option->get_envname().empty()) text += fmt::format(" (or {}=1)", option->get_envname());
  std::string others;
  for (const CLI::Option* other : option->get_excludes()) others += (others.empty() ? "" : ", ") + other->get_name();
  return others.empty() ? text : text + fmt::format(" (not with {})", others);
}

// An option that may also be given without its name is listed only once, among the flags.
std::string Help::make_positionals(const CLI::App* app) const {
  std::vector<const CLI::Option*> alone =
      app->get_options([](const CLI::Option* option) { return option->get_positional() && !option->nonpositional(); });
  return alone.empty() ? "" : make_group(get_label("Positionals"), true, std::move(alone));
}

}  // namespace crema
