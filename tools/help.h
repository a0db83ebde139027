// How --help shows flags: "--solver FILE", without the library's own names of types.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace crema {

// What an option's value is: "FILE", "N", "plain|onednn"; "" for a flag without one.
std::string value_name(const CLI::Option& option);

class Help final : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_positionals(const CLI::App* app) const override;
};

}  // namespace crema
