// What a net's layers take, and how such numbers are written.
#pragma once

#include <string>

#include "core/net.h"

namespace crema {

long parameter_count(const Layer& layer);
long parameter_count(Net& net);  // parameters that layers share count once

double multiply_adds(const Net& net, int layer);  // of one forward pass
double multiply_adds(const Net& net);

std::string grouped(long number);         // "431,080"; not for negative ones
std::string short_number(double number);  // "2.293 M"; "0" for nothing
std::string megabytes(long bytes);        // "12.3 MB"

}  // namespace crema
