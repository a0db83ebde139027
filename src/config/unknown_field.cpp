#include "config/unknown_field.h"

#include <fmt/format.h>

#include "config/source.h"
#include "config/suggest.h"

namespace crema {
namespace {

using google::protobuf::Descriptor;

std::vector<std::string> field_names(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

std::string fork_hint(const std::string& name, const Descriptor& type) {
  for (const ForkField& known : fork_fields()) {
    if (type.name() == known.message && name == known.field) return fmt::format("; {}", known.hint);
  }
  return "";
}

// Where the name, which is no field of `type`, is a field: in the other kind of file, or in a message inside `type`.
std::string place_of(const std::string& name, const Descriptor& type) {
  const auto known_to = [&](const char* other) {
    const Descriptor* found = type.file()->FindMessageTypeByName(other);
    return found && found->FindFieldByName(name);
  };
  if (type.name() == "NetParameter" && known_to("SolverParameter")) return "; is this file a solver, and not a net?";
  if (type.name() == "SolverParameter" && known_to("NetParameter")) return "; is this file a net, and not a solver?";
  std::vector<std::string> holders;
  for (int i = 0; i < type.field_count(); ++i) {
    const Descriptor* inner = type.field(i)->message_type();
    if (inner && inner->FindFieldByName(name)) holders.push_back('"' + type.field(i)->name() + '"');
  }
  if (holders.size() > 3) return "; it belongs inside the \"*_param\" of the layer's type";
  return holders.empty() ? "" : fmt::format("; it belongs inside {}", fmt::join(holders, " or "));
}

}  // namespace

std::string unknown_field(const std::string& name, const Descriptor& type) {
  std::string more = fork_hint(name, type);
  if (more.empty()) more = suggestion(name, field_names(type));
  if (more.empty()) more = place_of(name, type);
  return fmt::format("{} has no field {}{}", type.name(), in_quotes(name), more);
}

const std::vector<ForkField>& fork_fields() {
  constexpr const char* kRates = "lr_mult and decay_mult of each parameter stand in a param { } of its own";
  constexpr const char* kScale = "a Scale layer with bias_term: true after this one scales and shifts";
  constexpr const char* kTypes = "leave it out; --precision bf16 sets what is multiplied";
  constexpr const char* kCudnn = "it is for a GPU; leave it out";
  constexpr const char* kSsd = "it is SSD's, whose augmentation is not here";
  constexpr const char* kTsn = "it is TSN's, whose augmentation is not here";
  constexpr const char* kAxes = "kernel_size, stride and pad may be given once for each axis instead";
  static const std::vector<ForkField> kFields = {
      {"PoolingParameter", "ceil_mode", "say round_mode: FLOOR for ceil_mode: false; true is the default, CEIL"},
      {"PoolingParameter", "torch_pooling", "say round_mode: FLOOR for torch_pooling: true"},
      {"PoolingParameter", "kernel_depth", "pooling has two axes here"},
      {"LayerParameter", "blobs_lr", kRates},
      {"LayerParameter", "weight_decay", kRates},
      {"LayerParameter", "lr_mult", kRates},
      {"LayerParameter", "decay_mult", kRates},
      {"LayerParameter", "forward_type", kTypes},
      {"LayerParameter", "backward_type", kTypes},
      {"LayerParameter", "forward_math", kTypes},
      {"LayerParameter", "backward_math", kTypes},
      {"LayerParameter", "cudnn_math_override", kCudnn},
      {"NetParameter", "forward_type", kTypes},
      {"NetParameter", "backward_type", kTypes},
      {"NetParameter", "default_forward_type", kTypes},
      {"NetParameter", "default_backward_type", kTypes},
      {"NetParameter", "default_forward_math", kTypes},
      {"NetParameter", "default_backward_math", kTypes},
      {"NetParameter", "default_conv_algos_override", kCudnn},
      {"NetParameter", "global_grad_scale", kTypes},
      {"BatchNormParameter", "momentum", "here it is moving_average_fraction"},
      {"BatchNormParameter", "bn_momentum", "here it is moving_average_fraction"},
      {"BatchNormParameter", "moving_average",
       "say use_global_stats: false to use the batch's statistics, true for the running ones"},
      {"BatchNormParameter", "frozen", "here it is use_global_stats"},
      {"BatchNormParameter", "epsilon", "here it is eps"},
      {"BatchNormParameter", "scale_bias", kScale},
      {"BatchNormParameter", "scale_filler", kScale},
      {"BatchNormParameter", "slope_filler", kScale},
      {"BatchNormParameter", "bias_filler", kScale},
      {"BatchNormParameter", "engine", kCudnn},
      {"BatchNormParameter", "cudnn_enable", kCudnn},
      {"BNParameter", "use_global_stats", "here it is frozen"},
      {"BNParameter", "moving_average_fraction", "here it is momentum"},
      {"BNParameter", "var_eps", "here it is eps"},
      {"ConvolutionParameter", "hole", "here it is dilation"},
      {"ConvolutionParameter", "hole_h", "give dilation once for each axis"},
      {"ConvolutionParameter", "hole_w", "give dilation once for each axis"},
      {"ConvolutionParameter", "kernel_depth", kAxes},
      {"ConvolutionParameter", "temporal_stride", kAxes},
      {"ConvolutionParameter", "temporal_pad", kAxes},
      {"ConvolutionParameter", "conv_algos_override", kCudnn},
      {"ConvolutionParameter", "cudnn_math_override", kCudnn},
      {"ConvolutionParameter", "cudnn_convolution_algo_seeker", kCudnn},
      {"TransformationParameter", "resize_param", kSsd},
      {"TransformationParameter", "noise_param", kSsd},
      {"TransformationParameter", "distort_param", kSsd},
      {"TransformationParameter", "expand_param", kSsd},
      {"TransformationParameter", "emit_constraint", kSsd},
      {"TransformationParameter", "multi_scale", kTsn},
      {"TransformationParameter", "scale_ratios", kTsn},
      {"TransformationParameter", "max_distort", kTsn},
      {"TransformationParameter", "fix_crop", kTsn},
      {"TransformationParameter", "use_gpu_transform", kCudnn},
      {"DataParameter", "threads", "leave it out: one thread reads ahead"},
      {"DataParameter", "parser_threads", "leave it out: one thread reads ahead"},
      {"SolverParameter", "rampup_interval", "here it is warmup_iter"},
      {"SolverParameter", "rampup_lr", "here it is warmup_start_lr"},
      {"SolverParameter", "warmup_steps", "here it is warmup_iter"},
      {"SolverParameter", "plateau_winsize", "lr_policy \"plateau\" waits for `patience` tests instead"},
      {"SolverParameter", "larc", "here it is type: \"LARS\""},
      {"SolverParameter", "local_lr_auto", "here it is type: \"LARS\""},
      {"SolverParameter", "solver_data_type", kTypes},
      {"SolverParameter", "store_blobs_in_old_format", "leave it out: models are written as Caffe reads them"},
      {"SolverParameter", "eval_type", "it is SSD's, whose evaluation is not here; leave it out"},
      {"SolverParameter", "ap_version", "it is SSD's, whose evaluation is not here; leave it out"},
      {"SolverParameter", "show_per_class_result", "it is SSD's, whose evaluation is not here; leave it out"},
  };
  return kFields;
}

}  // namespace crema
