#include <map>
#include <utility>

#include "base/error.h"
#include "config/move_field.h"
#include "config/upgrade.h"

namespace crema {
namespace {

// Fields that do not move to a field of the same name.
const std::map<std::string, std::string> kMoved = {{"param", "param[{}].name"},
                                                   {"blob_share_mode", "param[{}].share_mode"},
                                                   {"blobs_lr", "param[{}].lr_mult"},
                                                   {"weight_decay", "param[{}].decay_mult"}};

const std::map<V1LayerParameter::LayerType, const char*> kTypes = {
    {V1LayerParameter::NONE, ""},
    {V1LayerParameter::ABSVAL, "AbsVal"},
    {V1LayerParameter::ACCURACY, "Accuracy"},
    {V1LayerParameter::ARGMAX, "ArgMax"},
    {V1LayerParameter::BNLL, "BNLL"},
    {V1LayerParameter::CONCAT, "Concat"},
    {V1LayerParameter::CONTRASTIVE_LOSS, "ContrastiveLoss"},
    {V1LayerParameter::CONVOLUTION, "Convolution"},
    {V1LayerParameter::DATA, "Data"},
    {V1LayerParameter::DECONVOLUTION, "Deconvolution"},
    {V1LayerParameter::DROPOUT, "Dropout"},
    {V1LayerParameter::DUMMY_DATA, "DummyData"},
    {V1LayerParameter::ELTWISE, "Eltwise"},
    {V1LayerParameter::EUCLIDEAN_LOSS, "EuclideanLoss"},
    {V1LayerParameter::EXP, "Exp"},
    {V1LayerParameter::FLATTEN, "Flatten"},
    {V1LayerParameter::HDF5_DATA, "HDF5Data"},
    {V1LayerParameter::HDF5_OUTPUT, "HDF5Output"},
    {V1LayerParameter::HINGE_LOSS, "HingeLoss"},
    {V1LayerParameter::IM2COL, "Im2col"},
    {V1LayerParameter::IMAGE_DATA, "ImageData"},
    {V1LayerParameter::INFOGAIN_LOSS, "InfogainLoss"},
    {V1LayerParameter::INNER_PRODUCT, "InnerProduct"},
    {V1LayerParameter::LRN, "LRN"},
    {V1LayerParameter::MEMORY_DATA, "MemoryData"},
    {V1LayerParameter::MULTINOMIAL_LOGISTIC_LOSS, "MultinomialLogisticLoss"},
    {V1LayerParameter::MVN, "MVN"},
    {V1LayerParameter::POOLING, "Pooling"},
    {V1LayerParameter::POWER, "Power"},
    {V1LayerParameter::RELU, "ReLU"},
    {V1LayerParameter::SIGMOID, "Sigmoid"},
    {V1LayerParameter::SIGMOID_CROSS_ENTROPY_LOSS, "SigmoidCrossEntropyLoss"},
    {V1LayerParameter::SILENCE, "Silence"},
    {V1LayerParameter::SLICE, "Slice"},
    {V1LayerParameter::SOFTMAX, "Softmax"},
    {V1LayerParameter::SOFTMAX_LOSS, "SoftmaxWithLoss"},
    {V1LayerParameter::SPLIT, "Split"},
    {V1LayerParameter::TANH, "TanH"},
    {V1LayerParameter::THRESHOLD, "Threshold"},
    {V1LayerParameter::WINDOW_DATA, "WindowData"}};

}  // namespace

LocatedLayer upgrade_v1_layer(V1LayerParameter& old, Source& source) {
  LocatedLayer made{{}, {source.file, source.position, {}}};
  if (old.has_type()) {
    made.layer.set_type(kTypes.at(old.type()));
    source.move("type", made.source, "type");
    old.clear_type();
  }
  if (old.has_layer()) {
    Source inner = source.take("layer");
    upgrade_v0_layer(*old.mutable_layer(), inner, made);
    old.clear_layer();
  }
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  old.GetReflection()->ListFields(old, &fields);
  for (const auto* field : fields) {
    const auto moved = kMoved.find(field->name());
    const std::string& place = moved == kMoved.end() ? field->name() : moved->second;
    move_field({old, source}, field->name(), {made.layer, made.source}, place);
  }
  return made;
}

}  // namespace crema
