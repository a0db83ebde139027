#include "stand_in.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <optional>

#include "base/error.h"
#include "config/check.h"
#include "config/files.h"
#include "config/suggest.h"
#include "core/graph.h"
#include "core/layer.h"

namespace crema {
namespace {

using Given = std::map<std::string, Shape>;

// Types whose tops come from a source that may be missing.
const std::set<std::string> kReaders = {"Data", "HDF5Data", "ImageData", "WindowData"};

std::optional<std::pair<std::string, Shape>> parse_shape(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) return {};
  std::vector<long> dims;
  const char *at = text.data() + equals + 1, *const end = text.data() + text.size();
  while (true) {
    long dim = 0;
    const auto [next, error] = std::from_chars(at, end, dim);
    if (error != std::errc() || dim <= 0) return {};
    dims.push_back(dim);
    if (next == end) break;
    if (*next != ',') return {};
    at = next + 1;
  }
  try {
    return std::pair(text.substr(0, equals), Shape(dims));
  } catch (const Error&) {  // more axes or elements than a Shape allows
    return {};
  }
}

std::string check_shape(const std::string& text) {
  return parse_shape(text) ? "" : fmt::format("\"{}\" is not of the form BLOB=N,C,H,W with positive numbers", text);
}

// The shape of a batch, as far as the data layer's message gives it.
struct Batch {
  long size = 0, channels = 3, height = 0, width = 0;
};

Batch batch_of(const LayerParameter& layer) {
  Batch batch;
  batch.height = batch.width = layer.transform_param().crop_size();
  if (layer.transform_param().force_gray()) batch.channels = 1;
  if (layer.type() == "Data") batch.size = layer.data_param().batch_size();
  if (layer.type() == "HDF5Data") batch.size = layer.hdf5_data_param().batch_size();
  if (layer.type() == "WindowData") batch.size = layer.window_data_param().batch_size();
  if (layer.type() == "ImageData") {
    const ImageDataParameter& images = layer.image_data_param();
    batch.size = images.batch_size();
    if (!images.is_color()) batch.channels = 1;
    if (batch.height == 0) batch.height = images.new_height();
    if (batch.width == 0) batch.width = images.new_width();
  }
  if (layer.type() == "MemoryData") {
    const MemoryDataParameter& memory = layer.memory_data_param();
    batch = {memory.batch_size(), memory.channels(), memory.height(), memory.width()};
  }
  return batch;
}

// How many batches a layer holds beside its tops: the last one, and those read ahead.
long batches_of(const LayerParameter& layer) {
  const bool reads_ahead = layer.type() == "Data" || layer.type() == "ImageData" || layer.type() == "WindowData";
  return reads_ahead ? 1 + static_cast<long>(layer.data_param().prefetch()) : 0;
}

class Replacer {
 public:
  Replacer(const NetConfig& config, const Given& given) : given_(given) { out_.config = config; }

  StandIns run() {
    for (int i = 0; i < out_.config.net.layer_size(); ++i) replace(i);
    return std::move(out_);
  }

 private:
  const LayerParameter& layer(int i) const { return out_.config.net.layer(i); }

  void replace(int i) {
    const std::string& type = layer(i).type();
    const bool reads = kReaders.contains(type), holds_shape = type == "MemoryData" || type == "DummyData";
    if (!reads && !holds_shape && type != "Input") return;
    bool any_given = false;
    for (const std::string& top : layer(i).top()) {
      any_given = any_given || given_.contains(top);
      out_.data_tops.insert(top);
    }
    const bool known_type = layer_types().contains(type);
    if (type == "Input") {
      if (any_given || layer(i).input_param().shape_size() == 0) replace_input(i);
      return;
    }
    if (known_type && !any_given && holds_shape) return;
    const std::string missing = reads ? missing_file(layer(i), out_.config.layers[i]) : "";
    if (known_type && !any_given && missing.empty()) return;
    if (!known_type) out_.faults.push_back(type_fault(out_.config, i));
    put(i, shapes_of(i), any_given ? "given" : "assumed", missing);
  }

  // Replaces an Input's shapes by given ones. Tops without a given shape keep the one in the text.
  void replace_input(int i) {
    const InputParameter& own = layer(i).input_param();
    std::vector<Shape> shapes;
    for (int t = 0; t < layer(i).top_size(); ++t) {
      const auto found = given_.find(layer(i).top(t));
      if (found != given_.end()) {
        shapes.push_back(found->second);
      } else if (own.shape_size() > 0) {
        const BlobShape& shape = own.shape(own.shape_size() == 1 ? 0 : std::min(t, own.shape_size() - 1));
        shapes.emplace_back(std::vector<long>(shape.dim().begin(), shape.dim().end()));
      }
    }
    put(i, shapes, "given", "the text gives none");
  }

  // The shape of each top; fewer where one is not known.
  std::vector<Shape> shapes_of(int i) const {
    const Batch batch = batch_of(layer(i));
    long size = batch.size;
    std::vector<Shape> shapes;
    for (int t = 0; t < layer(i).top_size(); ++t) {
      const auto found = given_.find(layer(i).top(t));
      if (found != given_.end()) {
        shapes.push_back(found->second);
        size = found->second[0];
      } else if (t > 0 && size > 0) {
        shapes.push_back(Shape{size});
      } else if (t == 0 && size > 0 && batch.channels > 0 && batch.height > 0 && batch.width > 0) {
        shapes.push_back(Shape{size, batch.channels, batch.height, batch.width});
      } else {
        break;
      }
    }
    return shapes;
  }

  void put(int i, const std::vector<Shape>& shapes, const std::string& shape_is, const std::string& missing) {
    LayerParameter& changed = *out_.config.net.mutable_layer(i);
    if (static_cast<int>(shapes.size()) < changed.top_size()) {
      const std::string& blob = changed.top(static_cast<int>(shapes.size()));
      const bool away = kReaders.contains(changed.type()) && !missing.empty();
      (away ? out_.unknown : out_.faults)
          .push_back(fmt::format("{}shape unknown: give --shape {}=N,C,H,W{}", where(out_.config, i), blob,
                                 missing.empty() ? "" : fmt::format(" ({})", missing)));
    } else if (changed.top_size() > 0) {
      out_.replaced[changed.top(0)] = {changed.type(), shape_is, batches_of(changed)};
      if (!missing.empty() && shape_is == "assumed") out_.assumed.push_back(missing);
    }
    LayerParameter input;
    input.set_name(changed.name());
    input.set_type("Input");
    *input.mutable_top() = changed.top();
    const bool known = static_cast<int>(shapes.size()) == changed.top_size();
    for (const Shape& shape : known ? shapes : std::vector<Shape>()) {
      BlobShape* dims = input.mutable_input_param()->add_shape();
      for (const long dim : shape.dims()) dims->add_dim(dim);
    }
    changed = std::move(input);
  }

  const Given& given_;
  StandIns out_;
};

}  // namespace

std::string missing_file(LayerParameter layer, const Source& source) {
  try {
    resolve_files(layer, source);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

std::string type_fault(const NetConfig& config, int layer) {
  static const auto params = layer_params();
  NetConfig alone;
  *alone.net.add_layer() = config.net.layer(layer);
  alone.layers.push_back(config.layers[layer]);
  try {
    check_layer_types(alone, params);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

void add_shape_flag(CLI::App& command, ShapeFlags& flags) {
  command
      .add_option_function<std::vector<std::string>>(
          "--shape",
          [&flags](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const auto [blob, shape] = *parse_shape(text);
              flags.given[blob] = shape;
            }
          },
          "the shape of a data layer's blob, instead of its source's; may be given several times")
      ->allow_extra_args(false)
      ->check(CLI::Validator([](std::string& text) { return check_shape(text); }, "BLOB=N,C,H,W", "shape"));
}

StandIns stand_in(const NetConfig& config, const std::map<std::string, Shape>& given) {
  return Replacer(config, given).run();
}

void check_blobs(const ShapeFlags& flags, const std::set<std::string>& data_tops) {
  for (const auto& [blob, shape] : flags.given) {
    if (data_tops.contains(blob)) continue;
    throw Error("--shape {}: no data layer has that top{}", blob,
                choices(blob, std::vector<std::string>(data_tops.begin(), data_tops.end())));
  }
}

}  // namespace crema
