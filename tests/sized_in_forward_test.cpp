// A layer whose top's shape is known only after its forward, and the layers that read it.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/layer.h"
#include "support/nets.h"

namespace crema {
namespace {

// y = the rows of x whose first element is positive.
class PositiveRows final : public Layer {
 public:
  explicit PositiveRows(const LayerParameter&) {}
  Contract contract() const override { return Contract().reads_bottom_data().sized_in_forward(); }
  void reshape(const Bottoms& bottom, const Tops& top) override { top[0]->reshape(bottom[0]->shape()); }
  void forward(const Bottoms& bottom, const Tops& top) override {
    const long length = bottom[0]->shape().count_from(1);
    rows_.clear();
    for (long row = 0; row < bottom[0]->dim(0); ++row) {
      if (bottom[0]->data()[row * length] > 0) rows_.push_back(row);
    }
    auto dims = bottom[0]->shape().dims();
    dims[0] = static_cast<long>(rows_.size());
    real* data = top[0]->mutable_data();
    real* diff = top[0]->mutable_diff();
    top[0]->reshape(Shape(dims));
    top[0]->bind(data, diff);
    for (size_t i = 0; i < rows_.size(); ++i) {
      std::copy_n(bottom[0]->data() + rows_[i] * length, length, data + static_cast<long>(i) * length);
    }
  }
  void backward(const Tops& top, const PropagateDown&, const Bottoms& bottom) override {
    const long length = bottom[0]->shape().count_from(1);
    std::fill_n(bottom[0]->mutable_diff(), bottom[0]->count(), real{0});
    for (size_t i = 0; i < rows_.size(); ++i) {
      std::copy_n(top[0]->diff() + static_cast<long>(i) * length, length,
                  bottom[0]->mutable_diff() + rows_[i] * length);
    }
  }

 private:
  std::vector<long> rows_;
};

const RegisterLayer<PositiveRows> registered("PositiveRows");

TEST(SizedInForward, LayersAboveFollowEachPass) {
  const std::string text =
      "force_backward: true " + input_text("x", {4, 2}) +
      "layer { name: 'scale' type: 'Power' bottom: 'x' top: 's' power_param { scale: 2 } }"
      "layer { name: 'some' type: 'PositiveRows' bottom: 's' top: 'some' }"
      "layer { name: 'square' type: 'Power' bottom: 'some' top: 'square' power_param { power: 2 } }"
      "layer { name: 'double' type: 'Power' bottom: 'square' top: 'y' loss_weight: 0.5 "
      "power_param { scale: 2 } }";
  for (const bool plan : {true, false}) {
    SCOPED_TRACE(plan ? "planned" : "not planned");
    NetOptions options;
    options.plan = plan;
    const auto net = net_of(text, options);
    const std::vector<std::vector<float>> batches = {
        {1, 2, -1, 5, 3, 4, -1, -1}, {-1, 2, -1, 5, -3, 4, 7, 1}, {1, 1, 1, 1, 1, 1, 1, 1}};
    for (const auto& x : batches) {
      set_input(*net, "x", x);
      double loss = 0;
      std::vector<float> gradient(8);
      long rows = 0;
      for (size_t row = 0; row < 4; ++row) {
        if (x[2 * row] <= 0) continue;
        ++rows;
        for (const size_t i : {2 * row, 2 * row + 1}) {
          loss += 4 * x[i] * x[i];
          gradient[i] = 8 * x[i];
        }
      }
      EXPECT_EQ(net->forward(), loss);
      EXPECT_EQ(net->value("y").shape(), Shape({rows, 2}));
      net->backward();
      EXPECT_EQ(std::vector<float>(net->input("x").diff(), net->input("x").diff() + 8), gradient);
    }
  }
}

}  // namespace
}  // namespace crema
