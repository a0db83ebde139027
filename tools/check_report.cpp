#include "check_report.h"

#include <algorithm>

#include "costs.h"
#include "table.h"
#include "units.h"

namespace crema {

std::string layer_table(Survey& survey) {
  Net& net = *survey.net;
  Table table("lllrr");
  table.add({"layer", "type", "tops", "parameters", "multiply-adds"});
  for (int i = 0; i < net.layers(); ++i) {
    const long statistics = statistics_count(net, i), parameters = parameter_count(net.layer(i)) - statistics;
    const double products = multiply_adds(net, i);
    table.add({net.layer_config(i).name(), survey.origin(i).type, tops_text(survey, i),
               parameters > 0   ? grouped(parameters)
               : statistics > 0 ? grouped(statistics) + " statistics"
                                : "",
               products > 0 ? short_number(products) : ""});
  }
  return table.text();
}

std::string totals(Net& net) {
  const long statistics = statistics_count(net);
  std::string text = fmt::format("{} layer{}, {} parameters", net.layers(), net.layers() == 1 ? "" : "s",
                                 grouped(parameter_count(net) - statistics));
  if (statistics > 0) text += fmt::format(" (and {} running statistics, which are not learned)", grouped(statistics));
  text += fmt::format(", {} multiply-adds in a forward pass", short_number(multiply_adds(net)));
  const long batch = net.batch_size();
  if (batch > 1) text += fmt::format(", {} for each of {}", short_number(multiply_adds(net) / batch), batch);
  return text + "\n";
}

std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t kShown = 30;
  const auto end = names.begin() + static_cast<long>(std::min(kShown, names.size()));
  const std::string shown = one_line(fmt::format("{}", fmt::join(names.begin(), end, ", ")));
  return names.size() > kShown ? fmt::format("{} and {} more", shown, names.size() - kShown) : shown;
}

std::string memory_text(const Survey& survey, bool training, int histories) {
  const MemoryNeed need = memory_need(survey, training, histories);
  std::string text = fmt::format("memory for {}: {} = {} blobs (without the plan {}) + {} parameters{}",
                                 training ? "training" : "inference", bytes_text(need.total()), bytes_text(need.blobs),
                                 bytes_text(survey.net->memory().unplanned), bytes_text(need.parameters),
                                 training ? " and their gradients" : "");
  if (need.history > 0) text += fmt::format(" + {} solver history", bytes_text(need.history));
  if (need.layers > 0) text += fmt::format(" + {} kept by layers and while they run", bytes_text(need.layers));
  if (need.data > 0) text += fmt::format(" + {} data read ahead", bytes_text(need.data));
  return text + "\n";
}

}  // namespace crema
