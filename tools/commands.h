// The subcommands, one file each. Each function adds one to the program: its flags, and what runs when it is called.
#pragma once

#include <CLI/CLI.hpp>

namespace crema {

void add_train(CLI::App& app);
void add_test(CLI::App& app);
void add_show(CLI::App& app);
void add_plot(CLI::App& app);

}  // namespace crema
