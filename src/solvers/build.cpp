#include "solvers/build.h"

#include <functional>

#include "base/log.h"
#include "config/override.h"
#include "solvers/check.h"

namespace crema {
namespace {

NetConfig inline_net(const SolverConfig& config, const NetParameter& net, const std::string& field) {
  Source source = config.source;
  return upgrade(net, source.take(field));
}

NetConfig in_state(const NetConfig& config, Phase phase, NetState state) {
  state.set_phase(phase);
  return filter(config, state);
}

NetConfig train_net(const SolverConfig& config, NetOverrides& overrides) {
  const SolverParameter& s = config.solver;
  const int named = s.has_net() + s.has_net_param() + s.has_train_net() + s.has_train_net_param();
  const char* first = s.has_net()         ? "net"
                      : s.has_net_param() ? "net_param"
                      : s.has_train_net() ? "train_net"
                                          : "train_net_param";
  check_field(config, first, named > 0, "no net to train: set net, net_param, train_net or train_net_param");
  check_field(config, first, named == 1, "{} nets to train: set one of net, net_param, train_net and train_net_param",
              named);
  if (s.has_net()) return overrides.apply(read_net(s.net()));
  if (s.has_train_net()) return overrides.apply(read_net(s.train_net()));
  return overrides.apply(s.has_net_param() ? inline_net(config, s.net_param(), "net_param")
                                           : inline_net(config, s.train_net_param(), "train_net_param"));
}

// The train net's file is also used for testing, if it is meant for both.
std::vector<NetConfig> test_nets(const SolverConfig& config, const NetConfig& train, NetOverrides& overrides) {
  const SolverParameter& s = config.solver;
  const int own = s.test_net_param_size() + s.test_net_size(), left = s.test_iter_size() - own;
  const bool shared = s.has_net() || s.has_net_param();
  check_field(config, "test_iter", left >= 0 && (shared || left == 0),
              "test_iter has {} entries for {} test net{}; each test net takes one", s.test_iter_size(), own,
              own == 1 ? "" : "s");
  std::vector<NetConfig> nets;
  for (int i = 0; i < s.test_net_param_size(); ++i) {
    nets.push_back(overrides.apply(inline_net(config, s.test_net_param(i), fmt::format("test_net_param[{}]", i))));
  }
  for (const std::string& path : s.test_net()) nets.push_back(overrides.apply(read_net(path)));
  nets.resize(nets.size() + static_cast<size_t>(left), train);
  return nets;
}

// Runs a check of a state's field. Its Error is thrown if a flag has set the field. A file's field without effect is
// only warned of, since Caffe takes such files.
void check_state_field(const SolverConfig& config, const std::string& field,
                       const std::function<void(const std::string& where)>& action) {
  const bool from_flag = !config.source.find(field).flag.empty();
  try {
    action(config.source.at(field));
  } catch (const Error& error) {
    if (from_flag) throw;
    CREMA_WARN("{}; it has no effect", error.what());
  }
}

// Whether the stages and the level of the state in `field` occur in the net.
void check_state(const SolverConfig& config, const std::string& field, const NetState& state, const NetConfig& net) {
  for (int i = 0; i < state.stage_size(); ++i) {
    check_state_field(config, i == 0 ? field + ".stage" : fmt::format("{}.stage[{}]", field, i),
                      [&](const std::string& where) { check_stage(net, state.stage(i), where); });
  }
  if (!state.has_level()) return;
  check_state_field(config, field + ".level", [&](const std::string& where) { check_level(net, where); });
}

}  // namespace

SolverNets solver_nets(const SolverConfig& config) {
  const SolverParameter& s = config.solver;
  NetOverrides overrides(config.net_settings);
  const NetConfig train = train_net(config, overrides);
  SolverNets nets;
  const std::vector<NetConfig> tests = test_nets(config, train, overrides);
  overrides.check_all_used();
  const int count = static_cast<int>(tests.size());
  check_field(config, "test_state", s.test_state_size() == 0 || s.test_state_size() == count,
              "test_state has {} entries for {} test nets; give one for each or none", s.test_state_size(), count);
  check_field(config, "test_interval", count == 0 || s.test_interval() > 0,
              "there are test nets, but test_interval is {}", s.has_test_interval() ? "0" : "not set");
  for (int i = 0; i < count; ++i) {
    const NetState state = s.test_state_size() > 0 ? s.test_state(i) : NetState();
    check_state(config, i == 0 ? "test_state" : fmt::format("test_state[{}]", i), state, tests[i]);
    nets.tests.push_back(in_state(tests[i], TEST, state));
  }
  check_state(config, "train_state", s.train_state(), train);
  nets.train = in_state(train, TRAIN, s.train_state());
  return nets;
}

}  // namespace crema
