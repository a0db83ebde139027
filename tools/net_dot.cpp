#include "net_dot.h"

#include "costs.h"

namespace crema {
namespace {

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '"' || c == '\\') safe += '\\';
    safe += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return safe;
}

// "5x5" of a repeated field and its _h and _w forms; "" if none is given.
template <typename Sizes>
std::string window(const Sizes& sizes, bool apart, uint32_t h, uint32_t w) {
  if (apart) return fmt::format("{}x{}", h, w);
  if (sizes.empty()) return "";
  return sizes.size() == 1 ? fmt::format("{}x{}", sizes[0], sizes[0]) : fmt::format("{}", fmt::join(sizes, "x"));
}

void add_setting(const char* name, const std::string& value, const std::string& otherwise, std::string* text) {
  if (!value.empty() && value != otherwise) *text += fmt::format(", {} {}", name, value);
}

std::string of_convolution(const ConvolutionParameter& c) {
  std::string text = window(c.kernel_size(), c.has_kernel_h(), c.kernel_h(), c.kernel_w());
  add_setting("stride", window(c.stride(), c.has_stride_h(), c.stride_h(), c.stride_w()), "1x1", &text);
  add_setting("pad", window(c.pad(), c.has_pad_h(), c.pad_h(), c.pad_w()), "0x0", &text);
  add_setting("dilation", window(c.dilation(), false, 0, 0), "1x1", &text);
  add_setting("group", std::to_string(c.group()), "1", &text);
  return text + fmt::format(", {} outputs", c.num_output());
}

std::string of_pooling(const PoolingParameter& p) {
  using Sizes = std::vector<uint32_t>;
  std::string text = PoolingParameter::PoolMethod_Name(p.pool());
  if (p.global_pooling()) return text + ", global";
  text += ' ' + window(Sizes{p.kernel_size()}, p.has_kernel_h(), p.kernel_h(), p.kernel_w());
  add_setting("stride", window(Sizes{p.stride()}, p.has_stride_h(), p.stride_h(), p.stride_w()), "1x1", &text);
  add_setting("pad", window(Sizes{p.pad()}, p.has_pad_h(), p.pad_h(), p.pad_w()), "0x0", &text);
  return text;
}

// The layer's main settings; "" for types without important ones.
std::string settings(const LayerParameter& layer) {
  const std::string& type = layer.type();
  if (type == "Convolution" || type == "Deconvolution") return of_convolution(layer.convolution_param());
  if (type == "Pooling") return of_pooling(layer.pooling_param());
  if (type == "InnerProduct") return fmt::format("{} outputs", layer.inner_product_param().num_output());
  if (type == "Dropout") return fmt::format("ratio {}", layer.dropout_param().dropout_ratio());
  if (type == "Eltwise") return EltwiseParameter::EltwiseOp_Name(layer.eltwise_param().operation());
  if (type == "Concat") return fmt::format("axis {}", layer.concat_param().axis());
  return "";
}

// The colour depends on the kind of layer: data, losses and accuracies, layers that learn, others.
const char* colour(const Net& net, int i, const std::string& type) {
  if (net.bottoms(i).empty()) return "#cfe8cf";
  if (type.ends_with("Loss") || type == "Accuracy") return "#f6cfc8";
  if (!net.layer(i).parameters().empty()) return "#cfdff5";
  return "#f2f2f2";
}

bool in_place(const Net& net, int i) {
  return !net.tops(i).empty() && !net.bottoms(i).empty() && net.top_name(i, 0) == net.bottom_name(i, 0);
}

std::string node(const Survey& survey, int i) {
  const Net& net = *survey.net;
  const LayerParameter& config = net.layer_config(i);
  const StandIns::Replaced origin = survey.origin(i);
  std::string label = fmt::format("{}\\n{}", escaped(config.name()), escaped(origin.type));
  if (in_place(net, i)) label += " (in place)";
  if (!origin.shape_is.empty()) label += fmt::format(" (shape {})", origin.shape_is);
  if (const std::string text = settings(config); !text.empty()) label += "\\n" + text;
  const long statistics = statistics_count(net, i), learned = parameter_count(net.layer(i)) - statistics;
  if (learned > 0) label += fmt::format("\\n{} parameters", grouped(learned));
  if (statistics > 0) label += fmt::format("\\n{} running statistics", grouped(statistics));
  if (const double count = multiply_adds(net, i); count > 0) {
    label += fmt::format("\\n{} multiply-adds", short_number(count));
  }
  return fmt::format("  layer{} [label=\"{}\", fillcolor=\"{}\", style=\"filled{}\"];\n", i, label,
                     colour(net, i, origin.type), in_place(net, i) ? ",rounded,dashed" : "");
}

std::string blob_label(const std::string& name, const Blob& blob) {
  // Non-breaking spaces keep the text away from the edge's line.
  return fmt::format("\u00a0\u00a0{}\\l\u00a0\u00a0{}\\l", escaped(name),
                     blob.axes() == 0 ? "scalar" : blob.shape().str());
}

}  // namespace

std::string net_dot(Survey& survey, const std::string& title) {
  Net& net = *survey.net;
  std::string text = fmt::format(
      "digraph net {{\n  graph [rankdir=TB, fontname=\"Helvetica\", fontsize=16, labelloc=t, nodesep=0.35, "
      "ranksep=0.35,\n    label=\"{}\\n{} parameters, {} multiply-adds in a forward pass\\n \"];\n"
      "  node [shape=box, fontname=\"Helvetica\", fontsize=11, color=\"#555555\", margin=\"0.15,0.08\"];\n"
      "  edge [fontname=\"Helvetica\", fontsize=9, color=\"#555555\", fontcolor=\"#333333\", arrowsize=0.7];\n",
      escaped(title), grouped(parameter_count(net) - statistics_count(net)), short_number(multiply_adds(net)));
  std::map<std::string, int> producer;  // the layer that made the blob that has the name now
  for (int i = 0; i < net.layers(); ++i) {
    text += node(survey, i);
    for (int b = 0; b < static_cast<int>(net.bottoms(i).size()); ++b) {
      const std::string& name = net.bottom_name(i, b);
      text += fmt::format("  layer{} -> layer{} [label=\"{}\"];\n", producer.at(name), i,
                          blob_label(name, *net.bottoms(i)[b]));
    }
    for (int t = 0; t < static_cast<int>(net.tops(i).size()); ++t) producer[net.top_name(i, t)] = i;
  }
  for (const NetOutput& output : net.outputs()) {
    text += fmt::format("  \"out {0}\" [label=\"{1}\", shape=plaintext];\n  layer{2} -> \"out {0}\";\n",
                        escaped(output.name), blob_label(output.name, *output.blob), producer.at(output.name));
  }
  return text + "}\n";
}

}  // namespace crema
