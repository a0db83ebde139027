// DummyData: tops from fillers. Constant ones are written once, the others anew in each pass.
// No bottoms.  top[k]: shape[k] or (num[k], channels[k], height[k], width[k]), by data_filler[k]; what is given once is
// for all tops. No filler: zeros.  No parameters.
#include <algorithm>

#include "core/filler.h"
#include "core/layer.h"

namespace crema {
namespace {

class DummyData final : public Layer {
 public:
  explicit DummyData(const LayerParameter& config) : config_(config.dummy_data_param()) {
    if (config_.data_filler_size() == 0) config_.add_data_filler();
    for (const FillerParameter& filler : config_.data_filler()) {
      check_filler(filler);
      any_constant_ = any_constant_ || filler.type() == "constant";
    }
    const bool old_form =
        config_.num_size() + config_.channels_size() + config_.height_size() + config_.width_size() > 0;
    check(!old_form || config_.shape_size() == 0,
          "has both shape and num, channels, height, width; give only one form");
    if (old_form) convert_old_form();
  }

  Contract contract() const override {
    Contract contract = Contract().bottoms(0).tops(1, Contract::kAny).no_backward();
    if (any_constant_) contract.pinned();
    return contract;
  }

  void reshape(const Bottoms&, const Tops& top) override {
    const int tops = static_cast<int>(top.size());
    check_number("shape", config_.shape_size(), tops);
    check_number("data_filler", config_.data_filler_size(), tops);
    purposes_.resize(top.size());
    written_.assign(top.size(), nullptr);
    for (int k = 0; k < tops; ++k) {
      const BlobShape& shape = config_.shape(config_.shape_size() == 1 ? 0 : k);
      top[k]->reshape(Shape(std::vector<long>(shape.dim().begin(), shape.dim().end())));
      purposes_[k] = fmt::format("dummy data {}", k);
    }
  }

  void forward(const Bottoms&, const Tops& top) override {
    for (size_t k = 0; k < top.size(); ++k) {
      const FillerParameter& filler = config_.data_filler(config_.data_filler_size() == 1 ? 0 : static_cast<int>(k));
      real* y = top[k]->mutable_data();
      if (filler.type() == "constant" && written_[k] == y) continue;
      fill(filler, top[k]->shape(), random(purposes_[k]), y);
      written_[k] = y;
    }
  }

  void backward(const Tops&, const PropagateDown&, const Bottoms&) override {}

 private:
  static void check_number(const char* field, int number, int tops) {
    check(number == 1 || number == tops, "{} is given {} times for {} tops; give one for all or one for each", field,
          number, tops);
  }

  void convert_old_form() {
    const int tops =
        std::max({config_.num_size(), config_.channels_size(), config_.height_size(), config_.width_size()});
    const auto convert = [&](const char* field, const auto& values) {
      check_number(field, values.size(), tops);
      for (int k = 0; k < tops; ++k) config_.mutable_shape(k)->add_dim(values[values.size() == 1 ? 0 : k]);
    };
    for (int k = 0; k < tops; ++k) config_.add_shape();
    convert("num", config_.num());
    convert("channels", config_.channels());
    convert("height", config_.height());
    convert("width", config_.width());
  }

  DummyDataParameter config_;
  bool any_constant_ = false;
  std::vector<std::string> purposes_;  // per top: key of its random numbers
  std::vector<const real*> written_;   // per top: memory that holds its constant
};

const RegisterLayer<DummyData> registered("DummyData", "dummy_data_param");

}  // namespace
}  // namespace crema
