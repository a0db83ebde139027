// crema check: reads nets and solvers as a run would, and reports their errors and their costs.
#include <algorithm>
#include <optional>
#include <set>

#include "base/file.h"
#include "check_report.h"
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

namespace crema {
namespace {

struct CheckFlags {
  std::vector<std::string> files;
  StateFlags state;
  std::vector<std::string> settings;
  ShapeFlags shapes;
  RunFlags run;
};

bool brings_data(const NetConfig& config) {
  return std::any_of(config.net.layer().begin(), config.net.layer().end(),
                     [](const LayerParameter& layer) { return layer.bottom_size() == 0; });
}

// Whether each layer of `config` is also in `other`.
bool is_part(const NetConfig& config, const NetConfig& other) {
  std::set<std::string> texts;
  for (const LayerParameter& layer : other.net.layer()) texts.insert(layer.SerializeAsString());
  return std::all_of(config.net.layer().begin(), config.net.layer().end(),
                     [&](const LayerParameter& layer) { return texts.contains(layer.SerializeAsString()); });
}

bool all_left_out(const std::vector<Survey::Fault>& faults) {
  return std::all_of(faults.begin(), faults.end(), [](const Survey::Fault& fault) { return fault.left_out; });
}

class Checker {
 public:
  explicit Checker(const CheckFlags& flags) : flags_(flags) {}

  // Returns whether there are no errors.
  bool run() {
    for (const std::string& file : flags_.files) {
      spoilt_.clear();
      spoilt_file_ = file;
      attempt([&] { check_file(file); });
    }
    // If a layer has a fault, its blobs are missing, so --shape is checked only without faults.
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

  // Reports each fault once, even if it occurs in both phases.
  void report(const std::string& fault) {
    if (!faults_.insert(fault).second) return;
    std::fflush(stdout);
    print_error(fmt::format("crema: {}\n", error_line(fault)));
  }

  // Whether a fault of the same layer and bottom was reported. The suggestion after ";" may differ between the phases.
  bool is_reported(const std::string& fault) const {
    const std::string begin = fault.substr(0, fault.find(';'));
    const auto found = faults_.lower_bound(begin);
    return found != faults_.end() && found->starts_with(begin);
  }

  // Things that keep a run from starting but are not errors in the file: missing data, a missing folder.
  void note(const std::string& text) {
    if (notes_.insert(text).second) fmt::print("note: {}\n", one_line(text));
  }
  template <typename Action>
  void attempt_to_note(const Action& action) {
    try {
      action();
    } catch (const Error& error) {
      note(error.what());
    }
  }

  void check_file(const std::string& file) {
    ReadFile read = read_either(file, flags_.settings);
    for (const TextFault& fault : read.faults) {
      report(fault.message);
      spoilt_.emplace(fault.layer.line, fault.layer.column);
    }
    if (!read.usable) return;
    if (auto* net = std::get_if<NetConfig>(&read.config)) return check_net(*net, file);
    check_solver_file(std::get<SolverConfig>(read.config), file, !read.faults.empty());
  }

  void check_net(const NetConfig& config, const std::string& file) {
    check_state(config, flags_.state);
    const NetConfig train = in_phase(config, TRAIN), test = in_phase(config, TEST);
    const bool same = is_part(train, test) && is_part(test, train);
    if (flags_.state.phase.has_value() || same) {
      const bool training = flags_.state.phase.value_or(TRAIN) == TRAIN;
      const bool both = same && !flags_.state.phase.has_value();
      show(training ? train : test,
           {both ? file + ", phases TRAIN and TEST" : titled(file, training), training, both ? &test : nullptr});
      return;
    }
    check_phases(train, test, file);
  }

  // A file may be meant for one phase alone: in the other phase no layer brings data, or the layers that make its blobs
  // are left out.
  void check_phases(const NetConfig& train, const NetConfig& test, const std::string& file) {
    const bool has_train = brings_data(train), has_test = brings_data(test);
    std::vector<std::string> faults;  // of a phase that the file is not for, after those of the other one
    for (const bool training : {true, false}) {
      const NetConfig &net = training ? train : test, &other = training ? test : train;
      Survey found = look(net, training, nullptr);
      const bool lacks = !(training ? has_train : has_test) && (training ? has_test : has_train);
      const bool is_other = !found.faults.empty() && all_left_out(found.faults) && is_part(net, other);
      if (!lacks && !is_other) {
        show(std::move(found), {titled(file, training), training});
        continue;
      }
      for (const Survey::Fault& fault : found.faults) {
        if (!fault.left_out) faults.push_back(fault.text);
      }
      note(fmt::format("{} is not checked: the file is for {} alone{}", titled(file, training),
                       training ? "TEST" : "TRAIN", is_other ? ": " + found.faults[0].text : ""));
    }
    for (const std::string& fault : faults) {
      if (!is_reported(fault)) report(fault);
    }
  }

  NetConfig in_phase(const NetConfig& config, Phase phase) const {
    NetState state = flags_.state.state(phase);
    state.set_phase(phase);
    return filter(config, state);
  }

  static std::string titled(const std::string& file, bool training) {
    return fmt::format("{}, phase {}", file, training ? "TRAIN" : "TEST");
  }

  // `spoilt`: the text has faults. Fields that seem to be missing may be among those that could not be read.
  void check_solver_file(SolverConfig& config, const std::string& file, bool spoilt) {
    const auto attempt_here = [&](const auto& action) {
      try {
        action();
      } catch (const Error& error) {
        const std::string text = error.what(), begin = config.source.file + ":";
        const bool has_line =
            text.starts_with(begin) && std::isdigit(static_cast<unsigned char>(text[begin.size()])) != 0;
        if (!spoilt || has_line) report(text);
      }
    };
    int histories = 0;
    std::optional<SolverNets> nets;
    const bool has_end = config.solver.has_max_iter();
    if (!has_end) {
      if (!spoilt) note(config.source.at() + ": max_iter is not set: how many iterations to train for");
      config.solver.set_max_iter(1);
    }
    std::vector<std::string> faults;
    check_solver(config, &faults);
    for (const std::string& fault : faults) attempt_here([&] { throw Error(fault); });
    // The averaged weights need one more array.
    attempt_here([&] { histories = create_update_rule(config)->histories() + (config.solver.ema_decay() > 0); });
    attempt_to_note([&] { resolve_weights(config); });
    attempt_here([&] {
      resolve_files(config.solver, config.source);
      nets = solver_nets(config);
    });
    attempt_to_note([&] {
      if (writes_snapshots(config)) check_snapshot_folder(config);
    });
    if (!nets) return report_nets(config.solver);
    fmt::print("{}: {} solver{}\n\n", one_line(file), config.solver.type(),
               has_end ? fmt::format(", {} iterations", config.solver.max_iter()) : "");
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

  // Reports all faults of the nets' texts, if a fault kept a net from being read.
  void report_nets(const SolverParameter& solver) {
    std::vector<std::string> files(solver.test_net().begin(), solver.test_net().end());
    if (solver.has_net()) files.push_back(solver.net());
    if (solver.has_train_net()) files.push_back(solver.train_net());
    for (const std::string& file : files) {
      std::vector<TextFault> faults;
      try {
        parse_net(read_text(file), file, {}, &faults);
      } catch (const Error&) {  // reported before
      }
      for (const TextFault& fault : faults) report(fault.message);
    }
  }

  // Missing weights to start from are not an error of the net.
  static void resolve_weights(SolverConfig& config) {
    SolverParameter alone;
    alone.mutable_weights()->Swap(config.solver.mutable_weights());
    resolve_files(alone, config.source);
  }

  // Prints the memory of a training with its test nets, which share the train net's parameters and the memory of its
  // blobs.
  static void print_whole_memory(const Net& train, const std::vector<const Net*>& tests, long training) {
    const NetMemory memory = train.memory();
    long total = training, planned = memory.planned;
    for (const Net* test : tests) {
      planned = std::max(planned, test->memory().planned);
      total += test->memory().pinned + test->memory().kept;
    }
    total += planned - memory.planned;
    fmt::print("memory for training with its tests: {}\n", bytes_text(total));
  }

  struct Look {
    std::string title;
    bool training;
    const NetConfig* for_inference = nullptr;  // the same net in phase TEST, to print its memory, too
    int histories = 0;
    Net* partner = nullptr;
  };

  std::unique_ptr<Net> show(const NetConfig& config, const Look& how, long* memory = nullptr) {
    return show(look(config, how.training, how.partner), how, memory);
  }

  // Prints the part of a net that can be built. If that is all of it, returns the net, and in `memory` its need.
  std::unique_ptr<Net> show(Survey found, const Look& how, long* memory = nullptr) {
    fmt::print("{}\n", one_line(how.title));
    if (found.net) fmt::print("{}{}", layer_table(found), totals(*found.net));
    if (!found.left_out.empty()) fmt::print("left out: {}\n", some_of(found.left_out));
    const bool whole = found.whole() && found.net;
    if (whole) print_memory(found, how);
    if (whole && memory) *memory = memory_need(found, how.training, how.histories).total();
    for (const std::string& unknown : found.unknown) note(unknown);
    for (const std::string& assumed : found.assumed) note(assumed + "; the shape is assumed");
    for (const Survey::Fault& fault : found.faults) report(fault.text);
    fmt::print("\n");
    return whole ? std::move(found.net) : nullptr;
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
    for (const Survey::Fault& fault : found.faults) report(fault.text);
    if (found.net) fmt::print("{}", memory_text(found, false, 0));
  }

  Survey look(const NetConfig& config, bool training, Net* partner) {
    Survey found = survey(config, flags_.shapes,
                          {.threads = flags_.run.threads,
                           .engine = flags_.run.engine,
                           .backward = training,
                           .precision = flags_.run.precision,
                           .algorithms = algorithms(flags_.run),
                           .partner = partner},
                          config.source.file == spoilt_file_ ? spoilt_ : std::set<std::pair<int, int>>());
    data_tops_.insert(found.data_tops.begin(), found.data_tops.end());
    return found;
  }

  const CheckFlags& flags_;
  std::set<std::string> faults_, notes_, data_tops_;
  std::string spoilt_file_;
  std::set<std::pair<int, int>> spoilt_;  // layers in which the text of the file has a fault, by where they begin
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
