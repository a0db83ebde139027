#include "config/net_config.h"

#include <utility>

#include "base/error.h"
#include "config/check.h"
#include "config/override.h"

namespace crema {
namespace {

// The names of the update rules that the legacy enum stands for.
const char* type_name(SolverParameter::SolverType type) {
  switch (type) {
    case SolverParameter::SGD:
      return "SGD";
    case SolverParameter::NESTEROV:
      return "Nesterov";
    case SolverParameter::ADAGRAD:
      return "AdaGrad";
    case SolverParameter::RMSPROP:
      return "RMSProp";
    case SolverParameter::ADADELTA:
      return "AdaDelta";
    case SolverParameter::ADAM:
      return "Adam";
  }
  throw Error("solver_type {} is unknown", static_cast<int>(type));
}

void upgrade_type(SolverConfig& config) {
  SolverParameter& solver = config.solver;
  if (!solver.has_solver_type()) return;
  check(!solver.has_type(), "{}: type and the legacy solver_type are both set", config.source.at("solver_type"));
  solver.set_type(type_name(solver.solver_type()));
  solver.clear_solver_type();
  config.source.move("solver_type", config.source, "type");
}

void split_weights(SolverConfig& config) {
  std::vector<std::pair<std::string, Position>> files;
  for (int i = 0; i < config.solver.weights_size(); ++i) {
    const std::string& list = config.solver.weights(i);
    const std::string path = fmt::format("weights[{}]", i);
    const Position where = config.source.take(path).position;
    for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
      end = list.find(',', begin);
      files.emplace_back(list.substr(begin, end == std::string::npos ? end : end - begin), where);
    }
  }
  config.solver.clear_weights();
  for (const auto& [file, where] : files) {
    config.source.set(fmt::format("weights[{}]", config.solver.weights_size()), where);
    config.solver.add_weights(file);
  }
}

}  // namespace

NetConfig read_net(const std::string& path, const std::vector<std::string>& settings) {
  return parse_net(read_text(path), path, settings);
}

NetConfig parse_net(std::string_view text, const std::string& file, const std::vector<std::string>& settings,
                    std::vector<TextFault>* faults) {
  NetParameter net;
  Source source = parse_prototxt(text, file, net, {.other_params = true, .faults = faults});
  NetConfig config = override_net(upgrade(std::move(net), std::move(source)), settings);
  if (faults != nullptr) collect_rule_faults(config, *faults);
  return config;
}

NetConfig wrap(NetParameter net, const std::string& file) { return upgrade(std::move(net), Source{file, {}, {}}); }

SolverConfig read_solver(const std::string& path, const std::vector<std::string>& settings) {
  return parse_solver(read_text(path), path, settings);
}

SolverConfig parse_solver(std::string_view text, const std::string& file, const std::vector<std::string>& settings,
                          std::vector<TextFault>* faults) {
  SolverConfig config;
  config.source = parse_prototxt(text, file, config.solver, {.other_params = true, .faults = faults});
  for (const std::string& setting : settings) override_solver(config, setting);
  upgrade_type(config);
  split_weights(config);
  return config;
}

}  // namespace crema
