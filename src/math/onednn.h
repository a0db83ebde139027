// What the engine's parts share: crema's layouts as oneDNN's descriptors, and primitives whose arguments are raw
// pointers. Internal to src/math/: empty where oneDNN is not compiled in, or real is double (the engine computes in
// float).
//
// An engine part is a class per kind of computation, in a header free of oneDNN: a static create() that returns null
// where the engine cannot do it (the layer then takes its plain path), and methods that run on raw pointers. Such a
// header and its create() exist in every build; its code is compiled where CREMA_ENGINE is defined.
#pragma once

#if defined(CREMA_WITH_ONEDNN) && !defined(CREMA_DOUBLE)
#define CREMA_ENGINE

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "math/buffer.h"
#include "math/finish.h"
#include "math/layout.h"
#include "math/onednn_version.h"
#include "math/precision.h"
#include "math/real.h"

namespace crema::onednn {

dnnl::memory::dims to_dims(const Shape& shape);

// The shape in the layout. Throws Error where oneDNN has no such format: it has plain ones for 1 to 6 axes,
// channels last for up to 5, blocks for 3 to 5.
dnnl::memory::desc describe(const Shape& shape, Layout layout,
                            dnnl::memory::data_type type = dnnl::memory::data_type::f32);

// The shape, of floats, with the layout left to the primitive.
dnnl::memory::desc describe_any(const Shape& shape);

// The type of the numbers that are multiplied.
dnnl::memory::data_type type_of(Precision precision);

// The crema layout that the descriptor has, whatever its data type; nothing if it has none of them. The caller then
// asks for the primitive again, with one of crema's layouts.
std::optional<Layout> layout_of(const dnnl::memory::desc& desc, const Shape& shape);

// Runs a primitive to its end, through oneDNN's C function: the C++ one copies the arguments on each call.
void execute(const dnnl::primitive& primitive, const std::vector<dnnl_exec_arg_t>& arguments);

// A primitive that computes in the caller's memory. Its scratchpad is lent to the step or kept by the thread
// (math/workspace.h), so that nothing is allocated once it has been run.
class Primitive {
 public:
  struct Argument {
    int index;  // DNNL_ARG_SRC, ...
    dnnl::memory::desc desc;
  };
  using Pointers = std::initializer_list<std::pair<int, const void*>>;

  Primitive() = default;
  // pd: a primitive descriptor, created with attributes(). An argument with an empty desc is not there (no bias), and
  // the pointer that run() gets for it is ignored.
  template <typename Descriptor>
  Primitive(const Descriptor& pd, std::initializer_list<Argument> arguments)
      : Primitive(dnnl::primitive(pd.get()), pd.scratchpad_desc(), arguments) {}

  // One pointer for each argument; those that the primitive writes point at memory that may be written.
  void run(Pointers pointers);

  explicit operator bool() const { return !arguments_.empty(); }

 private:
  Primitive(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
            std::initializer_list<Argument> arguments);

  dnnl::primitive primitive_;
  std::unordered_map<int, dnnl::memory> arguments_;
  std::vector<dnnl_exec_arg_t> handles_;  // of the arguments
  size_t scratchpad_bytes_ = 0;
};

// Attributes that every primitive descriptor is created with: the caller provides the scratchpad.
dnnl::primitive_attr attributes();
// The same, with `finish` computed in the same pass. y: the layout of the result, and of the array that is added to it,
// which is argument kOther. oneDNN's ReLU of slope 0 turns NaN into 0.
dnnl::primitive_attr attributes(const Finish& finish, const dnnl::memory::desc& y);
constexpr int kOther = DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1;

// Bytes of temporary memory that a primitive works in.
template <typename Descriptor>
long scratchpad_bytes(const Descriptor& pd) {
  return static_cast<long>(pd.scratchpad_desc().get_size());
}

// Bytes that a Detour or DerivedWeights between two descriptors of one shape takes: 0 if they agree.
long copy_bytes(const dnnl::memory::desc& outside, const dnnl::memory::desc& inside);

// Moves memory between two descriptors of one shape; with `add`, adds to what the destination holds.
Primitive make_reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to, bool add = false);

// Whether there is an implementation other than oneDNN's reference code, which is correct but slower than anything
// else.
template <typename Descriptor>
bool is_fast(const std::optional<Descriptor>& pd) {
  return pd && std::string_view(pd->impl_info_str()).substr(0, 3) != "ref";
}

// Data of a primitive whose layout or number format differs from that of the caller's memory. It is moved through a
// slot of the workspace (math/workspace.h), one for each role. Where both agree, nothing moves.
class Detour {
 public:
  enum Role { kBottom, kTop, kWeights, kBias, kGroupBottom, kGroupTop, kRoles };

  Detour() = default;
  Detour(Role role, const dnnl::memory::desc& outside, const dnnl::memory::desc& inside);

  // The memory that the primitive reads instead of the caller's `outside`.
  const real* in(const real* outside);

  // Where the primitive writes; finish() then puts the result into `outside`, or with beta 1 adds it there. A null
  // `outside` drops the result.
  real* out(real* outside, real beta = 0);
  void finish(real* outside, real beta = 0);

 private:
  bool direct(const real* outside, real beta) const { return same_ && beta == 0 && outside != nullptr; }
  real* buffer() const;

  Role role_ = kBottom;
  bool same_ = true;
  size_t bytes_ = 0;
  dnnl::memory::desc outside_, inside_;
  Primitive move_in_, move_out_, add_out_;  // made when first used
};

// Parameters in the layout and number format that a primitive takes. A copy is kept until their version changes. If it
// changes with every pass, no copy is kept, and they are moved through the memory that a Detour of weights takes. With
// a kept copy, `plain` is read only if the version has changed, and may be null otherwise.
class DerivedWeights {
 public:
  DerivedWeights() = default;
  DerivedWeights(const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted, bool kept = true);
  const real* get(const real* plain, uint64_t version);

 private:
  Primitive reorder_;  // empty if `plain` is in the wanted layout, or if no copy is kept
  Detour passing_;     // used if no copy is kept
  Buffer copy_;
  size_t bytes_ = 0;
  const real* source_ = nullptr;
  uint64_t version_ = 0;
};

// The primitive descriptor that `make` returns; nothing if oneDNN says that it has no implementation. Other failures
// are thrown as Error.
template <typename Make>
auto try_create(const Make& make) -> std::optional<decltype(make())> {
  try {
    return make();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_unimplemented || error.status == dnnl_invalid_arguments) return std::nullopt;
    throw Error("oneDNN: {}", error.what());
  }
}

// Runs `body`; dnnl::error becomes Error.
template <typename Body>
auto guarded(const Body& body) {
  try {
    return body();
  } catch (const dnnl::error& error) {
    throw Error("oneDNN: {}", error.what());
  }
}

}  // namespace crema::onednn

#endif
