#include "solvers/update_rule.h"

#include "config/suggest.h"
#include "solvers/check.h"

namespace crema {
namespace {

std::map<std::string, CreateUpdateRule>& registry() {
  static std::map<std::string, CreateUpdateRule> rules;
  return rules;
}

}  // namespace

const std::map<std::string, CreateUpdateRule>& update_rules() { return registry(); }

void register_update_rule(const std::string& type, CreateUpdateRule create) { registry()[type] = std::move(create); }

std::unique_ptr<UpdateRule> create_update_rule(const SolverConfig& config) {
  const std::string& type = config.solver.type();
  const auto found = registry().find(type);
  if (found != registry().end()) {
    std::unique_ptr<UpdateRule> rule = found->second(config);
    const bool refused = rule->decoupled() && config.solver.has_decoupled_decay() && !config.solver.decoupled_decay();
    check_field(config, "decoupled_decay", !refused,
                "decoupled_decay is false, but type {} decays decoupled by its nature; leave the field out",
                in_quotes(type));
    return rule;
  }
  throw Error("{}: unknown solver type {}{}", config.source.at("type"), in_quotes(type),
              choices(type, keys(registry())));
}

}  // namespace crema
