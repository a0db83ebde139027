// The solver as it runs, as one text.
#include <google/protobuf/text_format.h>

#include <limits>

#include "solvers/metrics.h"
#include "solvers/snapshot.h"

namespace crema {

std::string run_text(const SolverConfig& config, uint64_t seed, const Net& train,
                     const std::vector<const Net*>& tests) {
  SolverParameter run = config.solver;
  for (auto clear : {&SolverParameter::clear_net, &SolverParameter::clear_net_param, &SolverParameter::clear_train_net,
                     &SolverParameter::clear_test_net, &SolverParameter::clear_test_net_param,
                     &SolverParameter::clear_train_state, &SolverParameter::clear_test_state}) {
    (run.*clear)();
  }
  run.set_snapshot_prefix(snapshot_prefix(config));
  const bool fits = seed <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (fits) run.set_random_seed(static_cast<int64_t>(seed));
  *run.mutable_train_net_param() = train.config().net;
  for (const Net* test : tests) *run.add_test_net_param() = test->config().net;
  std::string text;
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  check(printer.PrintToString(run, &text), "the solver cannot be written as text");
  return (fits ? "" : fmt::format("# With --seed {}.\n", seed)) + text;
}

}  // namespace crema
