#include "costs.h"

#include <algorithm>

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

double multiply_adds(const Net& net, int i) { return net.layer(i).multiply_adds(net.bottoms(i), net.tops(i)); }

double multiply_adds(const Net& net) {
  double sum = 0;
  for (int i = 0; i < net.layers(); ++i) sum += multiply_adds(net, i);
  return sum;
}

namespace {

constexpr long kBytes = static_cast<long>(sizeof(real));

// Of data layers that something stands in for: the others tell by themselves.
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

std::string grouped(long number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string short_number(double number) {
  if (number < 1e3) return fmt::format("{:.4g}", number);
  const char* unit = "k";
  for (const char* next : {"M", "G", "T"}) {
    number /= 1e3;
    if (number < 999.95) break;
    unit = next;
  }
  return fmt::format("{:#.4g} {}", number, unit);
}

std::string megabytes(long bytes) {
  const double mega = static_cast<double>(bytes) / 1e6;
  if (mega < 1000) return fmt::format("{:.2f} MB", mega);
  return mega < 1e6 ? fmt::format("{:.2f} GB", mega / 1e3) : fmt::format("{:.2f} TB", mega / 1e6);
}

std::string duration(double ms) {
  if (ms < 1000) return fmt::format("{:.4g} ms", ms);
  return ms < 60000 ? fmt::format("{:.4g} s", ms / 1000) : fmt::format("{:.4g} min", ms / 60000);
}

}  // namespace crema
