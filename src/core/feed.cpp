#include "core/feed.h"

#include "base/error.h"
#include "core/graph.h"
#include "core/net.h"

namespace crema {

void feed(Net& net, const std::string& layer, std::vector<float> data, std::vector<float> labels) {
  const int i = net.layer_index(layer);
  try {
    auto* fed = dynamic_cast<Fed*>(&net.layer(i));
    check(fed != nullptr, "takes no data from memory; a layer of type MemoryData does");
    fed->feed(std::move(data), std::move(labels));
  } catch (const Error& error) {
    throw Error(where(net.config(), i) + error.what());
  }
}

}  // namespace crema
