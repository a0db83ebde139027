#include "core/window_fields.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace crema {
namespace {

struct Field {
  const char* name;
  std::vector<long> list;
  const char *name_h, *name_w;
  bool has_h, has_w;
  long h, w;

  std::vector<long> read(long minimum) const {
    const bool named = has_h || has_w;
    check(list.empty() || !named, "{} is given, and so is {}; give one of them", name, has_h ? name_h : name_w);
    std::vector<long> values = named ? std::vector<long>{h, w} : list;
    constexpr long kLimit = 1L << 30;
    for (const long v : values) {
      check(v >= minimum && v <= kLimit, "{} is {}; expected {} to {}",
            named ? fmt::format("{}, {}", name_h, name_w) : name, fmt::join(values, " "), minimum, kLimit);
    }
    return values;
  }

  // The same; also throws Error if only one of name_h and name_w is given.
  std::vector<long> read_pair(long minimum) const {
    check(has_h == has_w, "{} is given without {}; they belong together", has_h ? name_h : name_w,
          has_h ? name_w : name_h);
    return read(minimum);
  }
};

template <typename Numbers>
std::vector<long> list_of(const Numbers& numbers) {
  return std::vector<long>(numbers.begin(), numbers.end());
}

std::vector<long> list_of(bool given, long number) { return given ? std::vector<long>{number} : std::vector<long>{}; }

std::vector<long> expand(const char* name, const std::vector<long>& values, int axes, long fallback) {
  const auto n = static_cast<size_t>(axes);
  if (values.size() <= 1) return std::vector<long>(n, values.empty() ? fallback : values[0]);
  check(values.size() == n, "{} has {} values for {} spatial axes; expected one, or one for each", name, values.size(),
        n);
  return values;
}

}  // namespace

WindowFields::WindowFields(const ConvolutionParameter& c) {
  check(c.has_kernel_h() || c.has_kernel_w() || !c.kernel_size().empty(),
        "the kernel has no size; expected kernel_size, or kernel_h and kernel_w");
  const Field kernel{"kernel_size",    list_of(c.kernel_size()), "kernel_h",   "kernel_w",
                     c.has_kernel_h(), c.has_kernel_w(),         c.kernel_h(), c.kernel_w()};
  const Field stride{"stride",         list_of(c.stride()), "stride_h",   "stride_w",
                     c.has_stride_h(), c.has_stride_w(),    c.stride_h(), c.stride_w()};
  const Field pad{"pad", list_of(c.pad()), "pad_h", "pad_w", c.has_pad_h(), c.has_pad_w(), c.pad_h(), c.pad_w()};
  const Field dilation{"dilation", list_of(c.dilation()), "", "", false, false, 0, 0};
  given_ = {kernel.read(1), stride.read(1), pad.read(0), dilation.read(1)};
}

WindowFields::WindowFields(const PoolingParameter& p) {
  const Field kernel{"kernel_size",    list_of(p.has_kernel_size(), p.kernel_size()),
                     "kernel_h",       "kernel_w",
                     p.has_kernel_h(), p.has_kernel_w(),
                     p.kernel_h(),     p.kernel_w()};
  const Field stride{"stride",         list_of(p.has_stride(), p.stride()),
                     "stride_h",       "stride_w",
                     p.has_stride_h(), p.has_stride_w(),
                     p.stride_h(),     p.stride_w()};
  const Field pad{"pad",    list_of(p.has_pad(), p.pad()), "pad_h", "pad_w", p.has_pad_h(), p.has_pad_w(), p.pad_h(),
                  p.pad_w()};
  given_ = {kernel.read_pair(1), stride.read_pair(1), pad.read_pair(0), {}};
}

Windows WindowFields::windows(int spatial) const {
  return {expand("kernel_size", given_.kernel, spatial, 1), expand("stride", given_.stride, spatial, 1),
          expand("pad", given_.pad, spatial, 0), expand("dilation", given_.dilation, spatial, 1)};
}

Patches WindowFields::patches(const Shape& x, int axis) const {
  const int spatial = x.axes() - axis - 1;
  Patches patches{x[axis], {}, {}, windows(spatial)};
  const Windows& w = patches.windows;
  std::vector<long> extent, padded;
  for (int a = 0; a < spatial; ++a) {
    const long size = x[axis + 1 + a];
    patches.input.push_back(size);
    patches.output.push_back(w.positions(a, size));
    extent.push_back(w.extent(a));
    padded.push_back(size + 2 * w.pad[a]);
  }
  check(std::count(patches.output.begin(), patches.output.end(), 0) == 0,
        "kernel {}{} is larger than the padded input {}", fmt::join(w.kernel, "x"),
        extent != w.kernel ? fmt::format(" (dilated: {})", fmt::join(extent, "x")) : "", fmt::join(padded, "x"));
  return patches;
}

}  // namespace crema
