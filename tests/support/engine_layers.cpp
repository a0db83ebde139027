#include "support/engine_layers.h"

#include <algorithm>
#include <cmath>

namespace crema {

std::string convolution(const std::string& settings) {
  return "type: 'Convolution' convolution_param { weight_filler { type: 'xavier' } bias_filler { type: 'uniform' } " +
         settings + " }";
}

std::string deconvolution(const std::string& settings) {
  return "type: 'Deconvolution' convolution_param { weight_filler { type: 'xavier' } bias_filler { type: 'uniform' } " +
         settings + " }";
}

std::string pooling(const std::string& settings) { return "type: 'Pooling' pooling_param { " + settings + " }"; }

std::string eltwise(const std::string& settings) { return "type: 'Eltwise' eltwise_param { " + settings + " }"; }

std::string inner_product(const std::string& settings) {
  return "type: 'InnerProduct' inner_product_param { weight_filler { type: 'xavier' } " + settings + " }";
}

std::string with_channels(std::string text, int channels) {
  for (size_t at = text.find("{C}"); at != std::string::npos; at = text.find("{C}")) {
    text.replace(at, 3, std::to_string(channels));
  }
  return text;
}

double difference(const std::vector<real>& a, const std::vector<real>& b) {
  double largest = 0, apart = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
    apart = std::max(apart, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return largest == 0 ? apart : apart / largest;
}

}  // namespace crema
