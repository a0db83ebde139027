// crema check: reads nets and solvers as a run would, and says what is wrong with them and what they take.
#include <optional>

#include "base/file.h"
#include "commands.h"
#include "config/files.h"
#include "costs.h"
#include "flags.h"
#include "kind.h"
#include "solvers/build.h"
#include "solvers/check.h"
#include "solvers/monitor.h"
#include "solvers/snapshot.h"
#include "solvers/solver.h"
#include "solvers/update_rule.h"
#include "survey.h"
#include "table.h"

namespace crema {
namespace {

struct CheckFlags {
  std::vector<std::string> files;
  StateFlags state;
  std::vector<std::string> settings;
  ShapeFlags shapes;
  RunFlags run;
};

std::string layer_table(Survey& survey) {
  Net& net = *survey.net;
  Table table("lllrr");
  table.add({"layer", "type", "tops", "parameters", "multiply-adds"});
  for (int i = 0; i < net.layers(); ++i) {
    const long parameters = parameter_count(net.layer(i));
    const double products = multiply_adds(net, i);
    table.add({net.layer_config(i).name(), survey.origin(i).type, tops_text(survey, i),
               parameters > 0 ? grouped(parameters) : "", products > 0 ? short_number(products) : ""});
  }
  return table.text();
}

std::string totals(Net& net) {
  std::string text = fmt::format("{} layers, {} parameters, {} multiply-adds in a forward pass", net.layers(),
                                 grouped(parameter_count(net)), short_number(multiply_adds(net)));
  const long batch = net.batch_size();
  if (batch > 1) text += fmt::format(", {} for each of {}", short_number(multiply_adds(net) / batch), batch);
  return text + "\n";
}

std::string memory_text(const Survey& survey, bool training, int histories) {
  const MemoryNeed need = memory_need(survey, training, histories);
  std::string text = fmt::format("memory for {}: {} = {} blobs (without the plan {}) + {} parameters{}",
                                 training ? "training" : "inference", megabytes(need.total()), megabytes(need.blobs),
                                 megabytes(survey.net->memory().unplanned), megabytes(need.parameters),
                                 training ? " and their gradients" : "");
  if (need.history > 0) text += fmt::format(" + {} solver history", megabytes(need.history));
  if (need.layers > 0) text += fmt::format(" + {} kept by layers and while they run", megabytes(need.layers));
  if (need.data > 0) text += fmt::format(" + {} data read ahead", megabytes(need.data));
  return text + "\n";
}

class Checker {
 public:
  explicit Checker(const CheckFlags& flags) : flags_(flags) {}

  // Whether all is well.
  bool run() {
    for (const std::string& file : flags_.files) {
      attempt([&] { check_file(file); });
    }
    // A blob may be missing where a layer has another fault.
    if (faults_.empty()) attempt([&] { check_blobs(flags_.shapes, data_tops_); });
    return faults_.empty();
  }

 private:
  template <typename Action>
  void attempt(const Action& action) {
    try {
      action();
    } catch (const Error& error) {
      report(error.what());
    }
  }

  // Each fault once: what is wrong in both phases is one thing.
  void report(const std::string& fault) {
    if (!faults_.insert(fault).second) return;
    std::fflush(stdout);
    print_error(fmt::format("crema: {}\n", printable(fault)));
  }

  void check_file(const std::string& file) {
    auto config = read_either(file, flags_.settings);
    if (auto* net = std::get_if<NetConfig>(&config)) return check_net(*net, file);
    check_solver_file(std::get<SolverConfig>(config), file);
  }

  void check_net(const NetConfig& config, const std::string& file) {
    const NetConfig train = in_phase(config, TRAIN), test = in_phase(config, TEST);
    const bool same = std::equal(train.net.layer().begin(), train.net.layer().end(), test.net.layer().begin(),
                                 test.net.layer().end(), [](const LayerParameter& a, const LayerParameter& b) {
                                   return a.SerializeAsString() == b.SerializeAsString();
                                 });
    if (flags_.state.phase.has_value() || same) {
      const bool training = !flags_.state.phase.has_value() || flags_.state.phase == TRAIN;
      const bool both = same && !flags_.state.phase.has_value();
      show(training ? train : test, {same ? file : titled(file, training), training, both ? &test : nullptr});
      return;
    }
    // A file may be meant for one phase alone.
    if (train.net.layer_size() > 0) show(train, {titled(file, true), true});
    if (test.net.layer_size() > 0) show(test, {titled(file, false), false});
  }

  NetConfig in_phase(const NetConfig& config, Phase phase) const {
    NetState state = flags_.state.state(phase);
    state.set_phase(phase);
    return filter(config, state);
  }

  static std::string titled(const std::string& file, bool training) {
    return fmt::format("{}, phase {}", file, training ? "TRAIN" : "TEST");
  }

  void check_solver_file(SolverConfig& config, const std::string& file) {
    int histories = 0;
    std::optional<SolverNets> nets;
    attempt([&] { check_solver(config); });
    // The averaged weights take one array more.
    attempt([&] { histories = create_update_rule(config)->histories() + (config.solver.ema_decay() > 0); });
    attempt([&] {
      resolve_files(config.solver, config.source);
      nets = solver_nets(config);
    });
    attempt([&] {
      if (writes_snapshots(config)) check_snapshot_folder(config);
    });
    if (!nets) return;
    fmt::print("{}: {} solver, {} iterations\n\n", file, config.solver.type(), config.solver.max_iter());
    const auto title = [](const NetConfig& net, const std::string& what) { return net.source.file + ", " + what; };
    long training = 0;
    const auto train = show(nets->train, {title(nets->train, "train net"), true, nullptr, histories}, &training);
    if (train) attempt([&] { check_trains(*train); });
    std::vector<std::unique_ptr<Net>> tests;
    std::vector<const Net*> built;
    for (size_t i = 0; i < nets->tests.size(); ++i) {
      const std::string what = title(nets->tests[i], fmt::format("test net #{}", i));
      tests.push_back(show(nets->tests[i], {what, false, nullptr, 0, train.get()}));
      if (tests.back()) built.push_back(tests.back().get());
    }
    if (built.size() == tests.size()) attempt([&] { Monitor(config).check_nets(built); });
    if (train && !built.empty() && built.size() == tests.size()) print_whole_memory(*train, built, training);
  }

  // Of a training with its test nets, which share the train net's parameters and the memory of its blobs.
  static void print_whole_memory(const Net& train, const std::vector<const Net*>& tests, long training) {
    const NetMemory memory = train.memory();
    long total = training, planned = memory.planned;
    for (const Net* test : tests) {
      planned = std::max(planned, test->memory().planned);
      total += test->memory().pinned + test->memory().kept;
    }
    total += planned - memory.planned;
    fmt::print("memory for training with its tests: {}\n", megabytes(total));
  }

  struct Look {
    std::string title;
    bool training;
    const NetConfig* for_inference = nullptr;  // the same net in phase TEST, for its memory
    int histories = 0;
    Net* partner = nullptr;
  };

  // Prints a net as far as it can be built, and returns it, and in `memory` what it needs, if all of it can.
  std::unique_ptr<Net> show(const NetConfig& config, const Look& how, long* memory = nullptr) {
    Survey found = look(config, how.training, how.partner);
    fmt::print("{}\n", printable(how.title));
    if (found.net) fmt::print("{}{}", layer_table(found), totals(*found.net));
    if (!found.left_out.empty()) fmt::print("left out: {}\n", printable(fmt::format("{}", fmt::join(found.left_out, ", "))));
    if (found.faults.empty()) print_memory(found, how);
    if (found.faults.empty() && memory) *memory = memory_need(found, how.training, how.histories).total();
    for (const std::string& fault : found.faults) report(fault);
    fmt::print("\n");
    return found.faults.empty() ? std::move(found.net) : nullptr;
  }

  void print_memory(const Survey& survey, const Look& how) {
    const StepList& list = survey.net->steps();
    const bool trains = list.backward_begin < static_cast<int>(list.steps.size());
    if (!how.training || trains) {
      fmt::print("{}", memory_text(survey, how.training, how.histories));
    } else {
      fmt::print("nothing to train: no loss reaches a parameter\n");
    }
    if (how.for_inference == nullptr) return;
    Survey found = look(*how.for_inference, false, nullptr);
    for (const std::string& fault : found.faults) report(fault);
    if (found.net) fmt::print("{}", memory_text(found, false, 0));
  }

  Survey look(const NetConfig& config, bool training, Net* partner) {
    Survey found = survey(config, flags_.shapes,
                          {.threads = flags_.run.threads,
                           .engine = flags_.run.engine,
                           .backward = training,
                           .precision = flags_.run.precision,
                           .algorithms = known_algorithms(flags_.run),
                           .partner = partner});
    data_tops_.insert(found.data_tops.begin(), found.data_tops.end());
    return found;
  }

  const CheckFlags& flags_;
  std::set<std::string> faults_, data_tops_;
};

}  // namespace

void add_check(CLI::App& app) {
  const auto flags = std::make_shared<CheckFlags>();
  CLI::App* command = app.add_subcommand(
      "check", "check nets and solvers: shapes, parameters, multiply-adds and memory, without data or training");
  command->add_option("FILE", flags->files, "prototxts, nets and solvers in any order")
      ->required()
      ->option_text("...")
      ->check(kFileName);
  add_shape_flag(*command, flags->shapes);
  add_state_flags(*command, flags->state, "a net's phase, TRAIN or TEST; default: both");
  add_set_flag(*command, flags->settings);
  add_run_flags(*command, flags->run);
  command->footer(
      "Example:\n  crema check models/lenet/solver.prototxt\n"
      "  crema check models/lenet/train_test.prototxt --shape data=64,1,28,28\n"
      "--phase, --level and --stage are for nets; a solver names the states of its own.");
  command->callback([flags] {
    if (!Checker(*flags).run()) throw CLI::RuntimeError(1);
  });
}

}  // namespace crema
