#include "core/not_finite.h"

#include <cmath>

#include "math/reorder.h"

namespace crema {
namespace {

// The first element that is not finite, -1 if there is none.
long first_bad(const real* x, long n) {
  if (x == nullptr) return -1;
  for (long i = 0; i < n; ++i) {
    if (!std::isfinite(x[i])) return i;
  }
  return -1;
}

class Search {
 public:
  explicit Search(Net& net) : net_(net) {
    net_.set_observer([this](const Step& step, bool done) { look(step, done); });
    net_.set_replay(true);
  }
  ~Search() {
    net_.set_replay(false);
    net_.set_observer(nullptr);
  }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  std::optional<NotFinite> run() {
    net_.forward();
    if (!found_ && net_.has_backward()) net_.backward();
    return found_;
  }

 private:
  void look(const Step& step, bool done) {
    if (found_ || step.replay) return;
    const auto& absorbed = net_.absorbed(step.layer);
    if (step.kind == Step::forward && !done) {
      look_at_parameters(step.layer);
      for (const int layer : absorbed) look_at_parameters(layer);
    }
    if (step.kind == Step::forward && done) look_at_tops(absorbed.empty() ? step.layer : absorbed.back());
    if (step.kind == Step::backward && done) {
      look_at_gradients(step.layer);
      for (const int layer : absorbed) {
        if (net_.absorbed_backward(layer)) look_at_parameter_gradients(layer);
      }
    }
  }

  const std::string& name(int layer) const { return net_.layer_config(layer).name(); }

  // A blob's array in plain order, since indices in other layouts would mean nothing to users.
  void note_blob(NotFinite::Where where, int layer, const std::string& whose, const real* x, const Blob& blob) {
    if (found_ || first_bad(x, blob.storage()) < 0) return;
    Buffer plain(blob.layout() == Layout::plain ? 0 : blob.count());
    if (!plain.empty()) {
      Reorder(blob.shape(), blob.layout(), Layout::plain).run(x, plain.data());
      x = plain.data();
    }
    note(where, layer, whose, x, blob.count(), blob.shape());
  }

  void note(NotFinite::Where where, int layer, const std::string& whose, const real* x, long n, const Shape& shape) {
    const long i = found_ ? -1 : first_bad(x, n);
    if (i < 0) return;
    std::string at = fmt::format("element {} of {}", i, n);
    if (where != NotFinite::parameter && shape.axes() > 1) {
      at += fmt::format(" (item {} of the minibatch)", i / shape.count_from(1));
    }
    found_ = NotFinite{where, name(layer),
                       fmt::format("{} is {} at {}", whose,
                                   std::isnan(x[i]) ? "nan"
                                   : x[i] > 0       ? "inf"
                                                    : "-inf",
                                   at)};
  }

  void look_at_parameters(int layer) {
    const auto& all = net_.layer(layer).parameters();
    for (size_t k = 0; k < all.size(); ++k) {
      note(NotFinite::parameter, layer, fmt::format("parameter {} of layer \"{}\"", k, name(layer)), all[k].data(),
           all[k].count(), all[k].shape());
    }
  }

  void look_at_tops(int layer) {
    const bool reads_nothing = net_.bottoms(layer).empty();
    for (size_t t = 0; t < net_.tops(layer).size(); ++t) {
      const Blob& top = *net_.tops(layer)[t];
      note_blob(reads_nothing ? NotFinite::data : NotFinite::blob, layer,
                fmt::format("blob \"{}\", top of layer \"{}\" ({}),", net_.top_name(layer, static_cast<int>(t)),
                            name(layer), net_.layer_config(layer).type()),
                top.data(), top);
    }
  }

  void look_at_gradients(int layer) {
    for (size_t b = 0; b < net_.bottoms(layer).size(); ++b) {
      if (!net_.takes_diff(layer, static_cast<int>(b))) continue;
      const Blob& bottom = *net_.bottoms(layer)[b];
      note_blob(NotFinite::gradient, layer,
                fmt::format("the gradient of blob \"{}\", bottom of layer \"{}\" ({}),",
                            net_.bottom_name(layer, static_cast<int>(b)), name(layer), net_.layer_config(layer).type()),
                bottom.diff(), bottom);
    }
    look_at_parameter_gradients(layer);
  }

  void look_at_parameter_gradients(int layer) {
    const auto& all = net_.layer(layer).parameters();
    for (size_t k = 0; k < all.size(); ++k) {
      if (!all[k].learns()) continue;
      note(NotFinite::gradient, layer, fmt::format("the gradient of parameter {} of layer \"{}\"", k, name(layer)),
           all[k].diff(), all[k].count(), Shape());
    }
  }

  Net& net_;
  std::optional<NotFinite> found_;
};

}  // namespace

std::optional<NotFinite> find_not_finite(Net& net) { return Search(net).run(); }

}  // namespace crema
