#include "survey.h"

#include <algorithm>

#include "base/log.h"
#include "core/graph.h"

namespace crema {
namespace {

// While it lives, nothing is logged: a net that is built again and again would repeat its warnings.
class Quiet {
 public:
  Quiet() : before_(spdlog::get_level()) { spdlog::set_level(spdlog::level::off); }
  ~Quiet() { spdlog::set_level(before_); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  spdlog::level::level_enum before_;
};

NetConfig first_layers(const NetConfig& config, int count) {
  NetConfig first = config;
  first.net.mutable_layer()->DeleteSubrange(count, config.net.layer_size() - count);
  first.layers.resize(static_cast<size_t>(count));
  return first;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

using Attempt = std::function<void(const NetConfig&)>;

// The last layer of the shortest beginning of the net at which `attempt` throws, and what. All of it makes it throw.
std::pair<int, std::string> first_fault(const NetConfig& config, const Attempt& attempt) {
  const auto fault_of = [&](int layers) { return message_of([&] { attempt(first_layers(config, layers)); }); };
  int builds = 0, fails = config.net.layer_size();
  std::string fault;
  while (fails - builds > 1) {
    const int middle = (builds + fails) / 2;
    const std::string found = fault_of(middle);
    if (found.empty()) {
      builds = middle;
    } else {
      fails = middle;
      fault = found;
    }
  }
  if (fault.empty()) fault = fault_of(fails);
  return {fails - 1, fault};
}

// Without these layers and all that read, directly or not, what they write.
NetConfig without(const NetConfig& config, const std::set<int>& layers, std::vector<std::string>* left_out) {
  NetConfig rest = config;
  rest.net.clear_layer();
  rest.layers.clear();
  std::set<std::string> gone;
  for (int i = 0; i < config.net.layer_size(); ++i) {
    const LayerParameter& layer = config.net.layer(i);
    const bool stays =
        !layers.contains(i) && std::none_of(layer.bottom().begin(), layer.bottom().end(),
                                            [&](const std::string& bottom) { return gone.contains(bottom); });
    for (const std::string& top : layer.top()) {
      if (stays) {
        gone.erase(top);
      } else {
        gone.insert(top);
      }
    }
    if (stays) {
      *rest.net.add_layer() = layer;
      rest.layers.push_back(config.layers[i]);
    } else {
      left_out->push_back(layer.name());
    }
  }
  return rest;
}

// What is wrong with a layer by itself, without its bottoms' shapes; "" if nothing.
std::string own_fault(const NetConfig& config, int i) {
  if (std::string fault = type_fault(config, i); !fault.empty()) return fault;
  const std::string fault = message_of([&] { create_layer(config.net.layer(i)); });
  return fault.empty() ? "" : where(config, i) + fault;
}

void try_to_connect(const NetConfig& config) {
  std::vector<Contract> contracts;
  for (const LayerParameter& layer : config.net.layer()) contracts.push_back(create_layer(layer)->contract());
  connect(config, contracts);
}

// Inputs whose shapes nobody knows.
std::set<int> shapeless(const NetConfig& config) {
  std::set<int> found;
  for (int i = 0; i < config.net.layer_size(); ++i) {
    const LayerParameter& layer = config.net.layer(i);
    if (layer.type() == "Input" && layer.input_param().shape_size() == 0) found.insert(i);
  }
  return found;
}

// Takes layers out until `attempt` holds for the rest.
void reduce(NetConfig* config, const Attempt& attempt, Survey* result) {
  while (config->net.layer_size() > 0 && !message_of([&] { attempt(*config); }).empty()) {
    const auto [layer, fault] = first_fault(*config, attempt);
    result->faults.push_back(fault);
    *config = without(*config, {layer}, &result->left_out);
  }
}

}  // namespace

StandIns::Replaced Survey::origin(int layer) const {
  const auto& tops = net->layer_config(layer).top();
  const auto found = tops.empty() ? replaced.end() : replaced.find(tops[0]);
  return found == replaced.end() || net->layer_config(layer).type() != "Input"
             ? StandIns::Replaced{net->layer_config(layer).type(), "", 0}
             : found->second;
}

Survey survey(const NetConfig& config, const ShapeFlags& shapes, NetOptions options) {
  options.memory = false;
  StandIns stand_ins = stand_in(config, shapes.given);
  Survey result;
  result.replaced = std::move(stand_ins.replaced);
  result.faults = std::move(stand_ins.faults);
  result.data_tops = std::move(stand_ins.data_tops);
  if (config.net.layer_size() == 0) {
    result.faults.push_back(message_of([&] { Net net(config, options); }));
    return result;
  }
  const Attempt build = [&](const NetConfig& layers) { result.net = std::make_unique<Net>(layers, options); };
  NetConfig rest = stand_ins.config;
  if (result.faults.empty() && message_of([&] { build(rest); }).empty()) return result;

  const Quiet quiet;
  result.net.reset();
  std::set<int> faulty;
  for (int i = 0; i < rest.net.layer_size(); ++i) {
    const std::string fault = own_fault(rest, i);
    if (fault.empty()) continue;
    faulty.insert(i);
    result.faults.push_back(fault);
  }
  rest = without(rest, faulty, &result.left_out);
  reduce(&rest, try_to_connect, &result);
  rest = without(rest, shapeless(rest), &result.left_out);
  reduce(&rest, build, &result);
  if (rest.net.layer_size() == 0) result.net.reset();
  return result;
}

std::string tops_text(const Survey& survey, int layer) {
  const Net& net = *survey.net;
  const std::string shape_is = survey.origin(layer).shape_is;
  std::string text;
  for (size_t t = 0; t < net.tops(layer).size(); ++t) {
    text += fmt::format("{}{} {}{}", t == 0 ? "" : ", ", net.top_name(layer, static_cast<int>(t)),
                        net.tops(layer)[t]->shape().str(), shape_is.empty() ? "" : fmt::format(" ({})", shape_is));
  }
  return text;
}

}  // namespace crema
