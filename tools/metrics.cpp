#include "metrics.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "config/source.h"

namespace crema {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kEnding = ".metrics.jsonl";

// A value as an error shows it. The contents of arrays and objects are not shown, since they may have any depth and
// length.
std::string shown(const Json& value) {
  if (value.is_structured()) return fmt::format("an {}", value.type_name());
  return shortened(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

double number(const Json& value, const std::string& what) {
  if (value.is_null()) return NAN;
  if (!value.is_number()) throw Error("{} is {}; expected a number or null", what, shown(value));
  return value.get<double>();
}

double number_or_nan(const Json& row, const char* key) {
  const auto found = row.find(key);
  return found == row.end() ? NAN : number(*found, fmt::format("\"{}\"", key));
}

std::map<std::string, std::vector<double>> outputs(const Json& row) {
  std::map<std::string, std::vector<double>> result;
  const auto found = row.find("outputs");
  if (found == row.end()) return result;
  if (!found->is_object()) throw Error("\"outputs\" is {}; expected an object", shown(*found));
  for (const auto& [name, values] : found->items()) {
    const std::string what = fmt::format("output {}", crema::in_quotes(name));
    if (!values.is_array()) throw Error("{} is {}; expected an array", what, shown(values));
    for (const Json& value : values) result[printable(name)].push_back(number(value, what));
  }
  return result;
}

void add_row(const std::string& line, RunMetrics* metrics) {
  const Json row = Json::parse(line);
  check(row.is_object(), "{}; expected an object with \"kind\" and \"iteration\"", shown(row));
  const std::string kind = row.contains("kind") && row["kind"].is_string() ? row["kind"].get<std::string>() : "";
  check(!kind.empty(), "there is no \"kind\"; expected \"train\" or \"test\"");
  if (kind != "train" && kind != "test") return;  // later versions may write other kinds
  const double iteration = number_or_nan(row, "iteration");
  check(std::isfinite(iteration), "there is no \"iteration\"");
  const double net = number_or_nan(row, "net");
  (kind == "train" ? metrics->train : metrics->test)
      .push_back({iteration, number_or_nan(row, "loss"), number_or_nan(row, "lr"),
                  net > 0 && net < 1e6 ? static_cast<int>(net) : 0, outputs(row)});
}

std::string run_name(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  return name.ends_with(kEnding) ? name.substr(0, name.size() - std::string(kEnding).size()) : name;
}

}  // namespace

RunMetrics read_metrics(const std::string& path) {
  const std::string text = read_file(path == "-" ? "/dev/stdin" : path);
  RunMetrics metrics{run_name(path), {}, {}};
  size_t number = 0;
  for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
    end = text.find('\n', begin);
    const bool cut = end == std::string::npos;  // each whole line ends with a line break
    if (cut) end = text.size();
    const std::string line = text.substr(begin, end - begin);
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      add_row(line, &metrics);
    } catch (const Json::exception& error) {
      if (!cut) throw Error("{}:{}: no JSON object: {}", path, number, shortened(line));
      CREMA_WARN("{}:{}: the last line is cut off and left out", path, number);
    } catch (const Error& error) {
      throw Error("{}:{}: {}", path, number, error.what());
    }
  }
  check(!metrics.train.empty() || !metrics.test.empty(), "{}: there are no rows of a training in it", path);
  return metrics;
}

std::vector<std::string> metrics_files(const std::string& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().string().ends_with(kEnding)) files.push_back(entry.path().string());
  }
  check(!files.empty(), "{}: the folder has no *{} files", path, kEnding);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace crema
