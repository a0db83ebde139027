// LayerNorm:  y = w (x - mean) / sqrt(variance + eps) + b,  mean and variance of the axes from `axis` on at each place.
// RMSNorm:  y = w x / sqrt(mean of x^2 + eps),  without b.
// bottom[0] x: (..., the axes that are normalized together).  top[0] y: the shape of x.
// Parameters: w, with scale_term, filled with 1 by default; then b, with bias_term: both the shape of x from `axis` on.
// Ba et al., 2016, arXiv:1607.06450.  Zhang and Sennrich, 2019, arXiv:1910.07467.
#include "core/filler.h"
#include "core/layer.h"
#include "math/normalize.h"

namespace crema {
namespace {

class LayerNorm final : public Layer {
 public:
  explicit LayerNorm(const LayerParameter& config) : centered_(config.type() == "LayerNorm") {
    if (centered_) {
      read(config.layer_norm_param());
      shifts_ = config.layer_norm_param().bias_term();
      bias_filler_ = config.layer_norm_param().bias_filler();
      check_filler(bias_filler_);
    } else {
      read(config.rms_norm_param());
    }
  }

  // If y is the normalized x itself, backward needs only y.
  Contract contract() const override {
    return scales_ || shifts_ ? Contract().reads_bottom_data() : Contract().reads_top_data().in_place();
  }

  void reshape(const Bottoms& bottom, const Tops& top) override {
    const Shape& shape = bottom[0]->shape();
    check(shape.axes() > 0, "bottom 0 is a scalar; at least one axis is needed");
    const int axis = shape.canonical(axis_);
    rows_ = shape.count(0, axis);
    n_ = shape.count_from(axis);
    const Shape row(std::vector<long>(shape.dims().begin() + axis, shape.dims().end()));
    if (scales_) declare_parameter(0, row, scale_filler_);
    if (shifts_) declare_parameter(scales_ ? 1 : 0, row, bias_filler_);
    mean_.resize(rows_);
    inverse_.resize(mean_.size());
    top[0]->reshape(shape);
  }

  void forward(const Bottoms& bottom, const Tops& top) override {
    normalize_rows(norm(), rows_, n_, bottom[0]->data(), factors(), shifts_ ? bias().data() : nullptr,
                   top[0]->mutable_data(), statistics());
  }

  void backward(const Tops& top, const PropagateDown& down, const Bottoms& bottom) override {
    const bool parameters = scales_ || shifts_;
    const RowInput input{parameters ? bottom[0]->data() : top[0]->data(), !parameters};
    const Accumulated dw = scales_ ? accumulated(this->parameters()[0]) : Accumulated();
    const Accumulated db = shifts_ ? accumulated(bias()) : Accumulated();
    real* room = dw.diff || db.diff ? scratch(normalize_rows_scratch(rows_, n_)) : nullptr;
    normalize_rows_gradient(norm(), rows_, n_, input, statistics(), factors(), top[0]->diff(),
                            down[0] ? bottom[0]->mutable_diff() : nullptr, dw, db, room);
  }

 private:
  template <typename Settings>
  void read(const Settings& c) {
    axis_ = c.axis();
    eps_ = c.eps();
    scales_ = c.scale_term();
    scale_filler_ = c.scale_filler();
    if (!c.has_scale_filler()) scale_filler_.set_value(1);
    check_filler(scale_filler_);
    check(eps_ >= 0, "eps is {}; it must not be negative", eps_);
  }

  static Accumulated accumulated(Parameter& parameter) {
    return parameter.learns() ? Accumulated{parameter.mutable_diff(), parameter.beta()} : Accumulated();
  }

  Normalization norm() const { return {centered_, Normalization::root_mean_square, eps_}; }
  RowStatistics statistics() { return {mean_.data(), inverse_.data()}; }
  Parameter& bias() { return parameters()[scales_ ? 1 : 0]; }
  const real* factors() { return scales_ ? parameters()[0].data() : nullptr; }

  bool centered_, scales_ = true, shifts_ = false;
  int axis_ = -1;
  real eps_ = 0;
  FillerParameter scale_filler_, bias_filler_;
  long rows_ = 0, n_ = 0;  // n: elements that are normalized together
  Buffer mean_, inverse_;  // of the rows, of this pass
};

const RegisterLayer<LayerNorm> layer_norm("LayerNorm", "layer_norm_param");
const RegisterLayer<LayerNorm> rms_norm("RMSNorm", "rms_norm_param");

}  // namespace
}  // namespace crema
