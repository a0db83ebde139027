#include "records.h"

#include <filesystem>

#include "base/error.h"
#include "config/files.h"
#include "data/hdf5_rows.h"
#include "data/record_source.h"

namespace crema {
namespace {

// Whether a source may be read twice, unlike a pipe.
bool is_kept(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) || std::filesystem::is_directory(path, ignored);
}

// 0 if the layer reads no records, reads them in another order, or reads from a pipe.
uint64_t source_size(LayerParameter layer, const Source& source) {
  resolve_files(layer, source);
  if (layer.type() == "ImageData" && !is_kept(layer.image_data_param().source())) return 0;
  if (layer.type() == "HDF5Data" && !is_kept(layer.hdf5_data_param().source())) return 0;
  if (layer.type() == "Data") {
    const DataParameter& data = layer.data_param();
    const uint64_t all = open_records(data, {source.file, {}, layer.top_size() > 1})->size();
    return data.first_records() > 0 ? std::min(all, data.first_records()) : all;
  }
  if (layer.type() == "ImageData") {
    return open_image_list(layer.image_data_param(), layer.transform_param().max_pixels(), source.file)->size();
  }
  if (layer.type() == "HDF5Data") {
    const HDF5DataParameter& data = layer.hdf5_data_param();
    const std::vector<std::string> names(layer.top().begin(), layer.top().end());
    const uint64_t all = Hdf5Rows({data.source(), names, false, 0, layer.name()}).size();
    return data.first_records() > 0 ? std::min(all, data.first_records()) : all;
  }
  return 0;
}

}  // namespace

SourceSizes::SourceSizes(const NetConfig& config) {
  for (int i = 0; i < config.net.layer_size(); ++i) {
    try {
      sizes_[config.net.layer(i).name()] = source_size(config.net.layer(i), config.layers[i]);
    } catch (const Error&) {
    }
  }
}

std::vector<std::string> SourceSizes::seen(const Net& net) const {
  NetProgress progress;
  net.save_progress(&progress);
  std::vector<std::string> lines;
  for (const LayerProgress& layer : progress.layer()) {
    const auto size = sizes_.find(layer.name());
    if (size == sizes_.end() || size->second == 0) continue;
    const auto records = static_cast<double>(size->second), seen = static_cast<double>(layer.position());
    lines.push_back(seen <= records ? fmt::format("Layer \"{}\" gave {} of its {} records ({:.3g} %)", layer.name(),
                                                  layer.position(), size->second, 100 * seen / records)
                                    : fmt::format("Layer \"{}\" gave its {} records {:.3g} times", layer.name(),
                                                  size->second, seen / records));
  }
  return lines;
}

}  // namespace crema
