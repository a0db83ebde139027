// Layers of the engine's tests as text, and how results are compared.
#pragma once

#include <string>
#include <vector>

#include "math/real.h"

namespace crema {

// A layer's type and message with these settings, and fillers.
std::string convolution(const std::string& settings);
std::string deconvolution(const std::string& settings);
std::string pooling(const std::string& settings);
std::string eltwise(const std::string& settings);
std::string inner_product(const std::string& settings);
inline const std::string kScaleLayer =  // with a bias
    "type: 'Scale' scale_param { bias_term: true filler { type: 'uniform' min: -1 } bias_filler { type: 'uniform' } }";

// The text with the number in place of each "{C}".
std::string with_channels(std::string text, int channels);

// Largest difference, relative to the largest magnitude in b.
double difference(const std::vector<real>& a, const std::vector<real>& b);

}  // namespace crema
