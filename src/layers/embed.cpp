// Embed:  y[i] = W[x[i]] + b: a row of a table for each index.
// bottom[0] x: any shape, of whole numbers in [0, input_dim); takes no gradient.  top[0] y: the shape of x, then
// num_output (N).  Parameters: table W (input_dim, N); bias b (N), unless bias_term is false.
// Rejects an index that is no row of the table.
#include "core/indices.h"
#include "core/layer.h"
#include "math/blas.h"
#include "math/gather.h"
#include "math/loops.h"

namespace crema {
namespace {

class Embed final : public Layer {
 public:
  explicit Embed(const LayerParameter& config) : config_(config.embed_param()) {
    check(config_.num_output() > 0, "num_output is {}; it must be given and positive", config_.num_output());
    constexpr uint32_t kMaxRows = 1 << 24;  // up to here a float holds every index
    check(config_.input_dim() > 0 && config_.input_dim() <= kMaxRows, "input_dim is {}; expected 1 to {}",
          config_.input_dim(), kMaxRows);
  }

  Contract contract() const override { return Contract().no_gradient_to({0}); }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const long rows = config_.input_dim(), n = config_.num_output();
    std::vector<long> y = bottom[0]->shape().dims();
    y.push_back(n);
    top[0]->reshape(Shape(y));
    picks_.resize(bottom[0]->count());
    declare_parameter(0, Shape{rows, n}, config_.weight_filler());
    if (config_.bias_term()) declare_parameter(1, Shape{n}, config_.bias_filler());
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    const long n = config_.num_output();
    read_indices(*bottom[0], config_.input_dim(), "rows of the table", picks_);
    const real* w = parameters()[0].data();
    real* y = top[0]->mutable_data();
    if (!config_.bias_term()) return gather_rows(picks_, n, w, y);
    const real* b = parameters()[1].data();
    parallel_for(picks_.size(), n, [&](long begin, long end) {
      for (long i = begin; i < end; ++i) {
        const real* row = w + picks_[i] * n;
        for (long k = 0; k < n; ++k) y[i * n + k] = row[k] + b[k];
      }
    });
  }

  void backward(const Tops& top, const PropagateDown&, const Bottoms&) override {
    const long n = config_.num_output();
    const real* dy = top[0]->diff();
    Parameter& w = parameters()[0];
    if (w.learns()) scatter_rows(picks_, n, dy, w.beta(), config_.input_dim(), w.mutable_diff());
    if (!config_.bias_term() || !parameters()[1].learns()) return;
    Parameter& b = parameters()[1];
    sum_channels(picks_.size(), n, 1, dy, b.beta(), b.mutable_diff());
  }

 private:
  const EmbedParameter config_;
  BufferOf<int> picks_;  // the indices of the last forward pass
};

const RegisterLayer<Embed> registered("Embed", "embed_param");

}  // namespace
}  // namespace crema
