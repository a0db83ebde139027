// Which layers are fused, and that a net computes the same with and without fusion. The layers here exist only to be
// fused, so that only Net's part is tested; engine_test compares those of src/layers/.
#include <gtest/gtest.h>

#include "core/layer.h"
#include "support/nets.h"

namespace crema {
namespace {

Absorbed answer = Absorbed::all;  // Double's answer to Gain and Rectify

// y = 2 x, and the work of the layers after it.
class Double final : public Layer {
 public:
  explicit Double(const LayerParameter&) {}
  Contract contract() const override {
    const bool whole = !next_.empty() && answer == Absorbed::all;
    return whole ? Contract().reads_bottom_data().reads_top_data() : Contract();
  }
  void reshape(const Bottoms& bottom, const Tops& top) override { top[0]->reshape(bottom[0]->shape()); }

  Absorbed absorb(Layer& next, const Bottoms& others) override {
    const Epilogue::Kind kind = next.epilogue().kind;
    if (kind == Epilogue::none || (kind == Epilogue::affine && answer == Absorbed::forward)) return Absorbed::nothing;
    if (kind == Epilogue::add && net_runs_backward()) return Absorbed::nothing;
    next_.push_back(&next);
    others_.insert(others_.end(), others.begin(), others.end());
    return answer;
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    size_t other = 0;
    for (long i = 0; i < bottom[0]->count(); ++i) top[0]->mutable_data()[i] = 2 * bottom[0]->data()[i];
    for (Layer* next : next_) {
      const Epilogue e = next->epilogue();
      const real* added = e.kind == Epilogue::add ? others_[other++]->data() : nullptr;
      for (long i = 0; i < bottom[0]->count(); ++i) {
        real& y = top[0]->mutable_data()[i];
        if (e.kind == Epilogue::affine) y *= e.factor->data()[0];
        if (e.kind == Epilogue::relu) y = std::max(y, real{0});
        if (added) y += added[i];
      }
    }
  }

  // Assumes that a Gain comes before a Rectify.
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const bool whole = !next_.empty() && answer == Absorbed::all;
    real slope = 2, sum = 0;
    Parameter* gain = nullptr;
    for (Layer* next : next_) {
      if (next->epilogue().kind == Epilogue::affine) slope *= (gain = next->epilogue().factor)->data()[0];
    }
    for (long i = 0; i < bottom[0]->count(); ++i) {
      const bool cut = whole && next_.back()->epilogue().kind == Epilogue::relu && top[0]->data()[i] <= 0;
      const real dy = cut ? 0 : top[0]->diff()[i];
      if (gain) sum += 2 * bottom[0]->data()[i] * dy;
      if (down[0]) bottom[0]->mutable_diff()[i] = slope * dy;
    }
    if (gain) *gain->mutable_diff() = sum + (gain->beta() == 0 ? 0 : *gain->diff());
  }

 private:
  std::vector<Layer*> next_;
  Bottoms others_;
};

// y = g x.
class Gain final : public Layer {
 public:
  explicit Gain(const LayerParameter&) {}
  Contract contract() const override { return Contract().reads_bottom_data(); }
  Epilogue epilogue() override {
    return {.kind = Epilogue::affine, .factor = parameters().empty() ? nullptr : &parameters()[0]};
  }
  void reshape(const Bottoms& bottom, const Tops& top) override {
    FillerParameter filler;
    filler.set_value(3);
    declare_parameter(0, {1}, filler);
    top[0]->reshape(bottom[0]->shape());
  }
  void forward(const Bottoms& bottom, const Tops& top) override {
    for (long i = 0; i < bottom[0]->count(); ++i)
      top[0]->mutable_data()[i] = parameters()[0].data()[0] * bottom[0]->data()[i];
  }
  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    Parameter& g = parameters()[0];
    real sum = 0;
    for (long i = 0; i < bottom[0]->count(); ++i) sum += bottom[0]->data()[i] * top[0]->diff()[i];
    for (long i = 0; down[0] && i < bottom[0]->count(); ++i)
      bottom[0]->mutable_diff()[i] = g.data()[0] * top[0]->diff()[i];
    *g.mutable_diff() = sum + (g.beta() == 0 ? 0 : *g.diff());
  }
};

// y = max(x, 0).
class Rectify final : public Layer {
 public:
  explicit Rectify(const LayerParameter&) {}
  Contract contract() const override { return Contract().reads_top_data().in_place(); }
  Epilogue epilogue() override { return {.kind = Epilogue::relu}; }
  void reshape(const Bottoms& bottom, const Tops& top) override { top[0]->reshape(bottom[0]->shape()); }
  void forward(const Bottoms& bottom, const Tops& top) override {
    for (long i = 0; i < bottom[0]->count(); ++i) top[0]->mutable_data()[i] = std::max(bottom[0]->data()[i], real{0});
  }
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    for (long i = 0; i < bottom[0]->count(); ++i)
      bottom[0]->mutable_diff()[i] = top[0]->data()[i] > 0 ? top[0]->diff()[i] : 0;
  }
};

// y = x0 + x1.
class Plus final : public Layer {
 public:
  explicit Plus(const LayerParameter&) {}
  Contract contract() const override { return Contract().bottoms(2); }
  Epilogue epilogue() override { return {.kind = Epilogue::add}; }
  void reshape(const Bottoms& bottom, const Tops& top) override { top[0]->reshape(bottom[0]->shape()); }
  void forward(const Bottoms& bottom, const Tops& top) override {
    for (long i = 0; i < bottom[0]->count(); ++i)
      top[0]->mutable_data()[i] = bottom[0]->data()[i] + bottom[1]->data()[i];
  }
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    for (Blob* b : bottom) std::copy_n(top[0]->diff(), b->count(), b->mutable_diff());
  }
};

const RegisterLayer<Double> doubled("Double");
const RegisterLayer<Gain> gain("Gain");
const RegisterLayer<Rectify> rectify("Rectify");
const RegisterLayer<Plus> plus("Plus");

std::string layer(const std::string& type, const std::string& name, const std::string& bottoms,
                  const std::string& more = "") {
  std::string text = "layer { type: '" + type + "' name: '" + name + "' top: '" + name + "' " + more;
  for (const char c : bottoms) text += std::string(" bottom: '") + c + "'";
  return text + " }\n";
}

Seen run(const std::string& text, NetOptions options, Phase phase) {
  auto net = net_of("force_backward: true " + input_text("x", {3, 5}) + text, options, phase);
  fill_input(*net, "x");
  net->forward();
  if (net->has_backward()) net->backward();
  return see(*net);
}

std::string steps(const std::string& text, NetOptions options = {}, Phase phase = TRAIN) {
  return net_of("force_backward: true " + input_text("x", {3, 5}) + text, options, phase)->steps_text();
}

// Fused and not, with the memory plan and without.
void expect_same(const std::string& text, Phase phase) {
  const Seen reference = run(text, {.plan = false, .fuse = false}, phase);
  EXPECT_TRUE(same(reference, run(text, {}, phase)));
  EXPECT_TRUE(same(reference, run(text, {.plan = false}, phase)));
}

const std::string kLoss = "layer { type: 'EuclideanLoss' name: 'loss' top: 'loss' bottom: 'r' bottom: 'x' }";
const std::string kChain = layer("Double", "d", "x") + layer("Gain", "g", "d") + layer("Rectify", "r", "g") + kLoss;
const std::string kPair = layer("Double", "d", "x") + layer("Rectify", "r", "d") + kLoss;

TEST(Fusion, TakesOverForwardAndBackward) {
  answer = Absorbed::all;
  const std::string text = steps(kChain);
  EXPECT_NE(text.find("forward  d+g+r: x -> r\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("forward  g"), std::string::npos) << text;
  EXPECT_EQ(text.find("backward r"), std::string::npos) << text;
  expect_same(kChain, TRAIN);
  expect_same(kChain, TEST);
}

TEST(Fusion, TakesOverForwardAlone) {
  answer = Absorbed::forward;
  const std::string text = steps(kPair);
  EXPECT_NE(text.find("forward  d+r: x -> r\n"), std::string::npos) << text;
  EXPECT_NE(text.find("backward r: r.diff, r -> d.diff\n"), std::string::npos) << text;
  expect_same(kPair, TRAIN);
  expect_same(kPair, TEST);
  EXPECT_EQ(steps(kChain).find("d+g"), std::string::npos);
}

TEST(Fusion, ReadsOtherBottomsThatAreThereAlready) {
  answer = Absorbed::all;
  const std::string sum = layer("Rectify", "a", "x") + layer("Double", "d", "x") + layer("Plus", "r", "ad") + kLoss;
  EXPECT_NE(steps(sum, {}, TEST).find("forward  d+r: x, a -> r\n"), std::string::npos) << steps(sum, {}, TEST);
  expect_same(sum, TEST);
  const std::string late = layer("Double", "d", "x") + layer("Rectify", "a", "x") + layer("Plus", "r", "ad") + kLoss;
  EXPECT_EQ(steps(late, {}, TEST).find("d+r"), std::string::npos);
  expect_same(late, TEST);
}

TEST(Fusion, LeavesValuesThatSomebodySees) {
  answer = Absorbed::all;
  ASSERT_NE(steps(kPair).find("d+r"), std::string::npos);
  EXPECT_EQ(steps(kPair, {.fuse = false}).find("d+r"), std::string::npos);
  EXPECT_EQ(steps(kPair, {.keep = {"d"}}).find("d+r"), std::string::npos);
  EXPECT_EQ(steps(kPair, {.keep_all = true}).find("d+r"), std::string::npos);
  EXPECT_EQ(steps(kPair + layer("Rectify", "s", "d")).find("d+r"), std::string::npos);
  EXPECT_EQ(steps("debug_info: true " + kPair).find("d+r"), std::string::npos);
  const std::string weighted = layer("Double", "d", "x", "loss_weight: 1") + layer("Rectify", "r", "d") + kLoss;
  EXPECT_EQ(steps(weighted).find("d+r"), std::string::npos);
  const std::string stopped = layer("Double", "d", "x") + layer("Rectify", "r", "d", "propagate_down: false") + kLoss;
  EXPECT_EQ(steps(stopped).find("d+r"), std::string::npos);
}

TEST(Fusion, KeepsTheGradientOfWhatIsAbsorbedWhereNothingBelowLearns) {
  answer = Absorbed::all;
  const auto build = [](bool fuse) {
    auto net = net_of(input_text("x", {3, 5}) + kChain, {.fuse = fuse});
    fill_input(*net, "x");
    net->forward();
    net->backward();
    return see(*net);
  };
  EXPECT_TRUE(same(build(false), build(true)));
}

}  // namespace
}  // namespace crema
