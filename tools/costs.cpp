#include "costs.h"

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

std::string megabytes(long bytes) { return fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6); }

}  // namespace crema
