#include "math/onednn_version.h"

#ifdef CREMA_WITH_ONEDNN

#include <fmt/format.h>

#include "math/onednn.h"

namespace crema::onednn {

#ifdef CREMA_ENGINE

#if DNNL_VERSION_MAJOR >= 3

dnnl::memory::data_type type_of(const dnnl::memory::desc& desc) { return desc.get_data_type(); }

dnnl::memory::desc as(dnnl::memory::data_type type, const dnnl::memory::desc& desc) {
  if (desc.is_zero()) return desc;
  const dnnl::memory::dims dims = desc.get_dims();
  if (desc.get_format_kind() == dnnl::memory::format_kind::any) return {dims, type, dnnl::memory::format_tag::any};
  if (desc.get_inner_nblks() == 0) return {dims, type, desc.get_strides()};
  const Shape shape(std::vector<long>(dims.begin(), dims.end()));
  const std::optional<Layout> layout = layout_of(desc, shape);
  check(layout.has_value(), "other numbers in a layout of oneDNN's own for {}", shape.str());
  return describe(shape, *layout, type);
}

void set_pointer(const dnnl::memory& memory, const void* pointer) {
  memory.set_data_handle(const_cast<void*>(pointer));
}

dnnl::sum::primitive_desc make_sum(const std::vector<float>& coeff, const std::vector<dnnl::memory::desc>& sources) {
  return {cpu(), coeff, sources};
}

dnnl::concat::primitive_desc make_concat(const dnnl::memory::desc& result, int axis,
                                         const std::vector<dnnl::memory::desc>& sources) {
  return {cpu(), result, axis, sources};
}

void append_relu(dnnl::post_ops* after, float slope) {
  after->append_eltwise(dnnl::algorithm::eltwise_relu, slope, 0.0f);
}

#else

dnnl::memory::data_type type_of(const dnnl::memory::desc& desc) { return desc.data_type(); }

dnnl::memory::desc as(dnnl::memory::data_type type, const dnnl::memory::desc& desc) {
  dnnl::memory::desc other = desc;
  if (!desc.is_zero()) other.data.data_type = dnnl::memory::convert_to_c(type);
  return other;
}

void set_pointer(const dnnl::memory& memory, const void* pointer) {
  memory.set_data_handle(const_cast<void*>(pointer), stream());
}

dnnl::sum::primitive_desc make_sum(const std::vector<float>& coeff, const std::vector<dnnl::memory::desc>& sources) {
  return {coeff, sources, cpu()};
}

dnnl::concat::primitive_desc make_concat(const dnnl::memory::desc& result, int axis,
                                         const std::vector<dnnl::memory::desc>& sources) {
  return {result, axis, sources, cpu()};
}

void append_relu(dnnl::post_ops* after, float slope) {
  after->append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, slope, 0.0f);
}

#endif

#endif

std::string name_of(dnnl::cpu_isa isa) {
  switch (static_cast<unsigned>(isa)) {
    case dnnl_cpu_isa_sse41:
      return "sse41";
    case dnnl_cpu_isa_avx:
      return "avx";
    case dnnl_cpu_isa_avx2:
      return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
      return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core:
      return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "avx512_core_amx";
#if DNNL_VERSION_MAJOR >= 3
    case 0x1f:  // given as a number, since not every header of 3.x has its name
      return "avx2_vnni_2";
    case 0x1ef:
      return "avx512_core_fp16";
    case 0x1fef:
      return "avx512_core_amx_fp16";
#endif
    default:
      return "";
  }
}

std::string library_version() {
  const dnnl_version_t& v = *dnnl::version();
  return fmt::format("{}.{}.{}", v.major, v.minor, v.patch);
}

std::string mismatch() {
  if (dnnl::version()->major == DNNL_VERSION_MAJOR) return "";
  return fmt::format(
      "crema was built for oneDNN {}.x, and {} was loaded: let LD_LIBRARY_PATH name the folder of the right one, or "
      "build crema again; --engine plain does without",
      DNNL_VERSION_MAJOR, library_version());
}

}  // namespace crema::onednn

#endif
