// What differs between the versions of oneDNN that crema is built with, 2.6 to 3.x. All other code in src/math/ is the
// same for all versions.
#pragma once

#ifdef CREMA_WITH_ONEDNN

#include <string>
#include <tuple>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

namespace crema::onednn {

dnnl::engine& cpu();
dnnl::stream& stream();  // the calling thread's

// --- descriptors of memory ---

dnnl::memory::data_type type_of(const dnnl::memory::desc& desc);

// The same layout with another data type; an empty descriptor stays empty. Of blocked layouts, only those of layout.h
// are accepted.
dnnl::memory::desc as(dnnl::memory::data_type type, const dnnl::memory::desc& desc);

// Version 2 also clears the padding of the memory that `pointer` points to.
void set_pointer(const dnnl::memory& memory, const void* pointer);

// --- descriptors of primitives ---

// What a primitive P computes, from the arguments that version 3 takes between the engine and the hint. In version
// 2, next_impl() of a descriptor reads the operation again, so that must still exist then.
template <typename P, typename... Arguments>
auto operation(const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  return std::tuple(arguments...);
#else
  return typename P::desc(arguments...);
#endif
}

// The windows of a pooling.
struct PoolingWindows {
  dnnl::memory::dims stride, kernel, near, far;  // near, far: padding before and behind the image
};

template <typename P, typename... Arguments>
auto pooling_operation(const PoolingWindows& w, const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::memory::dims dilation(w.kernel.size(), 0);
  return operation<P>(arguments..., w.stride, w.kernel, dilation, w.near, w.far);
#else
  return operation<P>(arguments..., w.stride, w.kernel, w.near, w.far);
#endif
}

// hint: the forward pass's descriptor, for a backward pass.
template <typename P, typename Operation, typename... Hint>
typename P::primitive_desc make_descriptor(const Operation& operation, const dnnl::primitive_attr& attr,
                                           const Hint&... hint) {
#if DNNL_VERSION_MAJOR >= 3
  const auto make = [&](const auto&... arguments) {
    return typename P::primitive_desc(cpu(), arguments..., hint..., attr);
  };
  return std::apply(make, operation);
#else
  return typename P::primitive_desc(operation, attr, cpu(), hint...);
#endif
}

dnnl::sum::primitive_desc make_sum(const std::vector<float>& coeff, const std::vector<dnnl::memory::desc>& sources);
dnnl::concat::primitive_desc make_concat(const dnnl::memory::desc& result, int axis,
                                         const std::vector<dnnl::memory::desc>& sources);

void append_relu(dnnl::post_ops* after, float slope);

// --- the library ---

std::string name_of(dnnl::cpu_isa isa);  // "" for one that is not known here

std::string library_version();  // that was loaded: "3.7.2"
// Why the loaded library cannot be used: its major version is not that of the header that crema was built with, so its
// functions differ. "" if it is the same.
std::string mismatch();

}  // namespace crema::onednn

#endif
