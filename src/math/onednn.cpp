#include "math/onednn.h"

#ifdef CREMA_ENGINE

#include "math/workspace.h"

namespace crema::onednn {
namespace {

using Tag = dnnl::memory::format_tag;

// By the number of axes, up to that of grouped weights. With two axes, the channels are innermost even in plain layout.
Tag tag_of(int axes, Layout layout) {
  constexpr int kMaxAxes = 6;
  constexpr Tag kNone = Tag::undef;
  static constexpr Tag kPlain[kMaxAxes] = {Tag::a, Tag::ab, Tag::abc, Tag::abcd, Tag::abcde, Tag::abcdef};
  static constexpr Tag kLast[kMaxAxes] = {Tag::a, Tag::ab, Tag::acb, Tag::acdb, Tag::acdeb, kNone};
  static constexpr Tag kBlocked4[kMaxAxes] = {kNone, kNone, Tag::aBc4b, Tag::aBcd4b, Tag::aBcde4b, kNone};
  static constexpr Tag kBlocked8[kMaxAxes] = {kNone, kNone, Tag::aBc8b, Tag::aBcd8b, Tag::aBcde8b, kNone};
  static constexpr Tag kBlocked16[kMaxAxes] = {kNone, kNone, Tag::aBc16b, Tag::aBcd16b, Tag::aBcde16b, kNone};
  if (axes < 1 || axes > kMaxAxes) return kNone;
  switch (layout) {
    case Layout::plain:
      return kPlain[axes - 1];
    case Layout::channels_last:
      return kLast[axes - 1];
    case Layout::blocked4:
      return kBlocked4[axes - 1];
    case Layout::blocked8:
      return kBlocked8[axes - 1];
    case Layout::blocked16:
      return kBlocked16[axes - 1];
  }
  return kNone;
}

long to_count(size_t bytes) { return static_cast<long>((bytes + sizeof(real) - 1) / sizeof(real)); }

}  // namespace

dnnl::engine& cpu() {
  static dnnl::engine engine = [] {
    const std::string trouble = mismatch();
    check(trouble.empty(), "{}", trouble);
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return engine;
}

dnnl::stream& stream() {
  static thread_local dnnl::stream stream(cpu());
  return stream;
}

dnnl::memory::dims to_dims(const Shape& shape) { return {shape.dims().begin(), shape.dims().end()}; }

dnnl::memory::desc describe(const Shape& shape, Layout layout, dnnl::memory::data_type type) {
  const Tag tag = tag_of(shape.axes(), layout);
  check(tag != Tag::undef, "the engine has no layout {} for {} axes", layout_name(layout, shape.axes()), shape.axes());
  return {to_dims(shape), type, tag};
}

dnnl::memory::desc describe_any(const Shape& shape) { return {to_dims(shape), dnnl::memory::data_type::f32, Tag::any}; }

dnnl::memory::data_type type_of(Precision precision) {
  return precision == Precision::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

std::optional<Layout> layout_of(const dnnl::memory::desc& desc, const Shape& shape) {
  for (const Layout layout :
       {Layout::plain, Layout::channels_last, Layout::blocked16, Layout::blocked8, Layout::blocked4}) {
    if (tag_of(shape.axes(), layout) != Tag::undef && desc == describe(shape, layout, type_of(desc))) return layout;
  }
  return std::nullopt;
}

void execute(const dnnl::primitive& primitive, const std::vector<dnnl_exec_arg_t>& arguments) {
  const auto count = static_cast<int>(arguments.size());
  dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive.get(), stream().get(), count, arguments.data()),
                          "a primitive could not be run");
  stream().wait();
}

Primitive::Primitive(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
                     std::initializer_list<Argument> arguments)
    : primitive_(primitive), scratchpad_bytes_(scratchpad.get_size()) {
  for (const auto& [index, desc] : arguments) {
    if (!desc.is_zero()) arguments_.emplace(index, dnnl::memory(desc, cpu(), DNNL_MEMORY_NONE));
  }
  if (scratchpad_bytes_ > 0) {
    arguments_.emplace(DNNL_ARG_SCRATCHPAD, dnnl::memory(scratchpad, cpu(), DNNL_MEMORY_NONE));
  }
  for (const auto& [index, memory] : arguments_) handles_.push_back({index, memory.get()});
}

void Primitive::run(Pointers pointers) {
  guarded([&] {
    const auto bind = [&](int index, const void* pointer) {
      const auto found = arguments_.find(index);
      if (found == arguments_.end() || found->second.get_data_handle() == pointer) return;
      set_pointer(found->second, pointer);
    };
    for (const auto& [index, pointer] : pointers) bind(index, pointer);
    if (scratchpad_bytes_ > 0) bind(DNNL_ARG_SCRATCHPAD, scratchpad_memory(to_count(scratchpad_bytes_)));
    execute(primitive_, handles_);
  });
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

dnnl::primitive_attr attributes(const Finish& finish, const dnnl::memory::desc& y) {
  dnnl::primitive_attr attr = attributes();
  dnnl::post_ops after;
  if (finish.add) after.append_binary(dnnl::algorithm::binary_add, y);
  if (finish.relu) append_relu(&after, static_cast<float>(finish.slope));
  attr.set_post_ops(after);
  return attr;
}

Primitive make_reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to, bool add) {
  return guarded([&] {
    dnnl::primitive_attr attr = attributes();
    if (add) {
      dnnl::post_ops sum;
      sum.append_sum(1.0f);
      attr.set_post_ops(sum);
    }
    const dnnl::reorder::primitive_desc pd(cpu(), from, cpu(), to, attr);
    return Primitive(pd, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  });
}

Detour::Detour(Role role, const dnnl::memory::desc& outside, const dnnl::memory::desc& inside)
    : role_(role), same_(outside == inside), bytes_(inside.get_size()), outside_(outside), inside_(inside) {}

real* Detour::buffer() const {
  static_assert(kRoles < kWorkspaceSlots);
  return slot_memory(role_, to_count(bytes_));
}

const real* Detour::in(const real* outside) {
  if (same_) return outside;
  if (!move_in_) move_in_ = make_reorder(outside_, inside_);
  real* inside = buffer();
  move_in_.run({{DNNL_ARG_FROM, outside}, {DNNL_ARG_TO, inside}});
  return inside;
}

real* Detour::out(real* outside, real beta) { return direct(outside, beta) ? outside : buffer(); }

void Detour::finish(real* outside, real beta) {
  if (outside == nullptr || direct(outside, beta)) return;
  Primitive& move = beta == 0 ? move_out_ : add_out_;
  if (!move) move = make_reorder(inside_, outside_, beta != 0);
  move.run({{DNNL_ARG_FROM, buffer()}, {DNNL_ARG_TO, outside}});
}

long copy_bytes(const dnnl::memory::desc& outside, const dnnl::memory::desc& inside) {
  return outside == inside ? 0 : static_cast<long>(inside.get_size());
}

DerivedWeights::DerivedWeights(const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted, bool kept)
    : bytes_(wanted.get_size()) {
  if (!kept) {
    passing_ = Detour(Detour::kWeights, plain, wanted);
  } else if (plain != wanted) {
    reorder_ = make_reorder(plain, wanted);
  }
}

const real* DerivedWeights::get(const real* plain, uint64_t version) {
  if (!reorder_) return passing_.in(plain);
  if ((plain != nullptr && source_ != plain) || version_ != version) {
    copy_.grow(to_count(bytes_));
    reorder_.run({{DNNL_ARG_FROM, plain}, {DNNL_ARG_TO, copy_.data()}});
    source_ = plain;
    version_ = version;
  }
  return copy_.data();
}

}  // namespace crema::onednn

#endif
