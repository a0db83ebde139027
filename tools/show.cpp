// crema show: a few images with what a net says of them, as text and as a contact sheet.
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "commands.h"
#include "examples.h"
#include "flags.h"
#include "units.h"

namespace crema {
namespace {

struct ShowFlags {
  NetFlags net;
  RunFlags run;
  int count = 10;
  std::string sheet;
};

int terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void show(const ShowFlags& flags) {
  const NetOptions options{.threads = flags.run.threads, .engine = flags.run.engine, .precision = flags.run.precision};
  NetConfig config = read_net(flags.net);
  log_gpu_requests(flags.run, config);
  const auto examples = look(std::move(config), options, flags.net.weights, flags.count);
  fmt::print("{}", as_text(examples, terminal_columns()));
  const auto right = std::count_if(examples.begin(), examples.end(), [](const Example& e) { return e.right(); });
  fmt::print("{} of {} right\n", right, examples.size());
  if (flags.sheet.empty()) return;
  write_file(flags.sheet, as_png(examples));
  fmt::print("Contact sheet: {}\n", one_line(flags.sheet));
}

}  // namespace

void add_show(CLI::App& app) {
  const auto flags = std::make_shared<ShowFlags>();
  CLI::App* command =
      app.add_subcommand("show", "show images of a net's data layer with their predicted and true classes");
  add_net_flags(*command, flags->net);
  command->add_option("--count", flags->count, "how many, 10 unless told")->check(in_range(1, 10000));
  command->add_option("--sheet", flags->sheet, "write them as a PNG contact sheet, too; wrong ones are marked in red")
      ->check(kFileName)
      ->check([](const std::string& name) { return name.ends_with(".png") ? "" : name + " does not end in .png"; });
  add_run_flags(*command, flags->run);
  command->footer(
      "Example:\n  crema show --model models/lenet/train_test.prototxt"
      " --weights models/lenet/lenet_iter_2814.caffemodel --count 10 --sheet build/digits.png");
  command->callback([flags] { show(*flags); });
}

}  // namespace crema
