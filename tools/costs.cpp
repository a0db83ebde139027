#include "costs.h"

#include <algorithm>
#include <set>

namespace crema {

long parameter_count(const Layer& layer) {
  long count = 0;
  for (const Parameter& parameter : layer.parameters()) count += parameter.count();
  return count;
}

long parameter_count(Net& net) {
  long count = 0;
  for (const NetParameterInfo& info : net.parameters()) count += info.parameter->count();
  return count;
}

namespace {

// The layer's parameters from here on are statistics.
size_t first_statistic(const Net& net, int i) {
  const std::string& type = net.layer_config(i).type();
  return type == "BatchNorm" ? 0 : type == "BN" ? 2 : net.layer(i).parameters().size();
}

}  // namespace

long statistics_count(const Net& net, int i) {
  const auto& parameters = net.layer(i).parameters();
  long count = 0;
  for (size_t k = first_statistic(net, i); k < parameters.size(); ++k) count += parameters[k].count();
  return count;
}

long statistics_count(const Net& net) {
  std::set<const Parameter::Storage*> seen;
  long count = 0;
  for (int i = 0; i < net.layers(); ++i) {
    const auto& parameters = net.layer(i).parameters();
    for (size_t k = first_statistic(net, i); k < parameters.size(); ++k) {
      if (seen.insert(parameters[k].storage().get()).second) count += parameters[k].count();
    }
  }
  return count;
}

double multiply_adds(const Net& net, int i) { return net.layer(i).multiply_adds(net.bottoms(i), net.tops(i)); }

double multiply_adds(const Net& net) {
  double sum = 0;
  for (int i = 0; i < net.layers(); ++i) sum += multiply_adds(net, i);
  return sum;
}

namespace {

constexpr long kBytes = static_cast<long>(sizeof(real));

// The batches that replaced data layers would hold; other data layers report theirs themselves.
long data_away(const Survey& survey) {
  const Net& net = *survey.net;
  long bytes = 0;
  for (int i = 0; i < net.layers(); ++i) {
    long batch = 0;
    for (const Blob* top : net.tops(i)) batch += top->count() * kBytes;
    bytes += survey.origin(i).batches * batch;
  }
  return bytes;
}

bool is_data(const Survey& survey, int i) { return survey.net->layer_config(i).bottom_size() == 0; }

}  // namespace

MemoryNeed memory_need(const Survey& survey, bool training, int histories) {
  Net& net = *survey.net;
  const NetMemory memory = net.memory();
  MemoryNeed need{};
  need.blobs = memory.planned + memory.pinned;
  need.parameters = training ? memory.parameters : parameter_count(net) * kBytes;
  for (const NetParameterInfo& info : net.parameters()) {
    const bool moves = info.parameter->learns() && info.lr_mult != 0;
    if (moves) need.history += histories * info.parameter->count() * kBytes;
  }
  need.data = data_away(survey);
  for (int i = 0; i < net.layers(); ++i) {
    if (is_data(survey, i)) need.data += net.layer(i).own_memory(false).kept;
  }
  need.layers = memory.kept + memory.passing - (need.data - data_away(survey));
  return need;
}

}  // namespace crema
