#include "core/filler.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "config/suggest.h"
#include "math/loops.h"

namespace crema {
namespace {

const std::vector<std::string> kTypes = {"constant", "uniform",           "gaussian", "xavier",
                                         "msra",     "positive_unitball", "bilinear"};

// Data element i is value(i).
template <typename Value>
void set(long n, real* data, const Value& value) {
  parallel_for(n, 50, [&](long begin, long end) {
    for (long i = begin; i < end; ++i) data[i] = static_cast<real>(value(static_cast<uint64_t>(i)));
  });
}

// The n of xavier and msra. A weight has its outputs on axis 0 and its inputs on axis 1.
double fan(const FillerParameter& filler, const Shape& shape) {
  const long in = shape.count() / shape[0], out = shape.axes() > 1 ? shape.count() / shape[1] : shape.count();
  if (filler.variance_norm() == FillerParameter::FAN_OUT) return static_cast<double>(out);
  return filler.variance_norm() == FillerParameter::AVERAGE ? static_cast<double>(in + out) / 2
                                                            : static_cast<double>(in);
}

// With sparse, a number is kept with probability sparse / outputs, where the outputs are axis 0, and is 0 otherwise.
void gaussian(const FillerParameter& filler, const Shape& shape, double mean, double deviation, const Random& random,
              real* data) {
  if (filler.sparse() < 0) {
    set(shape.count(), data, [&](uint64_t i) { return mean + deviation * random.gaussian(i); });
    return;
  }
  const double kept = static_cast<double>(filler.sparse()) / static_cast<double>(shape[0]);
  constexpr uint64_t kMask = uint64_t{1} << 62;  // random numbers that are not used for the values
  set(shape.count(), data,
      [&](uint64_t i) { return random.uniform(kMask + i) < kept ? mean + deviation * random.gaussian(i) : 0.0; });
}

void uniform(long n, double min, double max, const Random& random, real* data) {
  set(n, data, [&](uint64_t i) { return min + (max - min) * random.uniform(i); });
}

void positive_unitball(const Shape& shape, const Random& random, real* data) {
  uniform(shape.count(), 0, 1, random, data);
  const long size = shape.count_from(1);
  parallel_for(shape[0], size, [&](long begin, long end) {
    for (long row = begin; row < end; ++row) {
      real* x = data + row * size;
      const real total = static_cast<real>(sum(0, size, [=](long i) { return x[i]; }));
      for (long i = 0; i < size; ++i) x[i] /= total;
    }
  });
}

// Weights of an interpolation by the factor ceil(size / 2): a tent along both axes.
void bilinear(const Shape& shape, real* data) {
  const auto size = static_cast<uint64_t>(shape[3]), half = (size + 1) / 2;
  const auto factor = static_cast<double>(half);
  const double center = static_cast<double>(size - 1) / (2 * factor);
  const auto tent = [=](uint64_t i) { return 1 - std::abs(static_cast<double>(i) / factor - center); };
  set(shape.count(), data, [=](uint64_t i) { return tent(i % size) * tent(i / size % size); });
}

}  // namespace

void check_filler(const FillerParameter& filler) {
  const std::string& type = filler.type();
  if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
    throw Error("filler type \"{}\" is unknown{}", type, choices(type, kTypes));
  }
  check(filler.sparse() == -1 || type == "gaussian", "filler \"{}\" has no sparse form; \"gaussian\" has", type);
  check(filler.sparse() >= -1, "filler: sparse is {}; it must be -1 (off) or more", filler.sparse());
  check(type != "uniform" || filler.min() <= filler.max(), "filler \"uniform\": min {} must not be above max {}",
        filler.min(), filler.max());
  check(type != "gaussian" || filler.std() >= 0, "filler \"gaussian\": std is {}; it must not be negative",
        filler.std());
}

void check_filler(const FillerParameter& filler, const Shape& shape) {
  check_filler(filler);
  const std::string& type = filler.type();
  const bool needs_axis = type != "constant" && type != "uniform" && (type != "gaussian" || filler.sparse() >= 0);
  check(!needs_axis || shape.axes() > 0, "filler \"{}\" needs at least one axis; the shape is a scalar", type);
  if (shape.count() == 0) return;
  if (filler.sparse() >= 0) {
    check(filler.sparse() <= shape[0], "filler: sparse is {}, more than the {} outputs (axis 0 of {})", filler.sparse(),
          shape[0], shape.str());
  }
  check(type != "bilinear" || (shape.axes() == 4 && shape[2] == shape[3]),
        "filler \"bilinear\" is for square kernels (4 axes); the shape is {}", shape.str());
}

void fill(const FillerParameter& filler, const Shape& shape, const Random& random, real* data) {
  check_filler(filler, shape);
  const std::string& type = filler.type();
  if (shape.count() == 0) return;
  if (type == "constant") {
    std::fill(data, data + shape.count(), static_cast<real>(filler.value()));
  } else if (type == "uniform") {
    uniform(shape.count(), filler.min(), filler.max(), random, data);
  } else if (type == "gaussian") {
    gaussian(filler, shape, filler.mean(), filler.std(), random, data);
  } else if (type == "xavier") {
    const double bound = std::sqrt(3 / fan(filler, shape));
    uniform(shape.count(), -bound, bound, random, data);
  } else if (type == "msra") {
    gaussian(filler, shape, 0, std::sqrt(2 / fan(filler, shape)), random, data);
  } else if (type == "positive_unitball") {
    positive_unitball(shape, random, data);
  } else {
    bilinear(shape, data);
  }
}

}  // namespace crema
