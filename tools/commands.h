// The subcommands, one file each. Each function adds one to the program: its flags, and what runs when it is called.
#pragma once

#include <CLI/CLI.hpp>

namespace crema {

void add_train(CLI::App& app);
void add_test(CLI::App& app);
void add_show(CLI::App& app);
void add_completion(CLI::App& app);  // the script is of all that `app` has when it runs
void add_time(CLI::App& app);
void add_check(CLI::App& app);
void add_info(CLI::App& app);
void add_draw(CLI::App& app);
void add_plot(CLI::App& app);

}  // namespace crema
