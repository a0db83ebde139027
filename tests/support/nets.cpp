#include "support/nets.h"

#include <algorithm>

#include "support/array.h"

namespace crema {
namespace {

void fill_keyed(const std::string& purpose, const std::string& name, long count, double low, double high, real* to) {
  const Random random(7, purpose, name);
  for (long i = 0; i < count; ++i) {
    to[i] = static_cast<real>(low + (high - low) * random.uniform(static_cast<uint64_t>(i)));
  }
}

std::vector<real> copied(const real* from, long count) {
  return from == nullptr ? std::vector<real>() : std::vector<real>(from, from + count);
}

}  // namespace

NetConfig config_of(const std::string& text, Phase phase) {
  NetState state;
  state.set_phase(phase);
  return filter(parse_net(text, "net.prototxt"), state);
}

std::unique_ptr<Net> net_of(const std::string& text, const NetOptions& options, Phase phase) {
  return std::make_unique<Net>(config_of(text, phase), options);
}

std::string input_text(const std::string& name, const std::vector<long>& dims) {
  std::string shape;
  for (const long dim : dims) shape += fmt::format("dim: {} ", dim);
  return fmt::format("layer {{ name: '{0}' type: 'Input' top: '{0}' input_param {{ shape {{ {1}}} }} }}\n", name,
                     shape);
}

NetOptions unplanned(NetOptions options) {
  options.plan = false;
  return options;
}

void fill_input(Net& net, const std::string& name, double low, double high) {
  fill_keyed("input", name, net.input(name).count(), low, high, net.input(name).mutable_data());
}

void fill_output_diff(Net& net, const std::string& name) {
  fill_keyed("diff", name, net.output_diff(name).count(), -1, 1, net.output_diff(name).mutable_diff());
}

void set_input(Net& net, const std::string& name, const std::vector<float>& values) {
  check(net.input(name).count() == static_cast<long>(values.size()), "input \"{}\" has {} elements, not {}", name,
        net.input(name).count(), values.size());
  std::copy(values.begin(), values.end(), net.input(name).mutable_data());
}

Seen see(Net& net) {
  Seen seen;
  for (const NetOutput& output : net.outputs()) {
    seen["output " + output.name] = copied(output.blob->data(), output.blob->count());
  }
  for (const std::string& name : net.inputs()) {
    seen["diff of input " + name] = copied(net.input(name).diff(), net.input(name).count());
  }
  for (const NetParameterInfo& info : net.parameters()) {
    const Parameter& p = *info.parameter;
    const std::string name = fmt::format("{}/{}", info.layer, info.index);
    seen["parameter " + name] = copied(p.data(), p.count());
    seen["diff of parameter " + name] = copied(p.has_diff() ? p.diff() : nullptr, p.count());
  }
  return seen;
}

testing::AssertionResult same(const Seen& a, const Seen& b) {
  for (const auto& [name, values] : a) {
    const auto found = b.find(name);
    if (found == b.end()) return testing::AssertionFailure() << name << " is in the first net alone";
    if (found->second.size() != values.size()) {
      return testing::AssertionFailure() << name << " has " << values.size() << " and " << found->second.size()
                                         << " elements";
    }
    const auto equal = same_bits(static_cast<long>(values.size()), values.data(), found->second.data());
    if (!equal) return testing::AssertionFailure() << name << ": " << equal.message();
  }
  if (a.size() != b.size()) return testing::AssertionFailure() << "the second net has more to see";
  return testing::AssertionSuccess();
}

}  // namespace crema
