#include "solvers/metrics.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "base/log.h"
#include "solvers/event_file.h"

namespace crema {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;  // a value that is not finite becomes null

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Whether a row is kept when a run is resumed from `iteration`.
bool stays(int64_t row, bool is_test, int iteration, int tested) {
  return row < iteration || (is_test && row == iteration && tested == iteration);
}

void add_outputs(const std::vector<Score>& scores, Json* row) {
  Json& outputs = (*row)["outputs"] = Json::object();
  Json means = Json::object();
  for (const Score& score : scores) {
    outputs[score.name].push_back(score.value);
    if (score.elements > 1) means[score.name] = score.elements;
  }
  if (!means.empty()) (*row)["means_of"] = std::move(means);
}

// Names may hold bytes that are not UTF-8. JSON cannot hold them, so they are replaced.
std::string line_of(const Json& row) { return row.dump(-1, ' ', false, Json::error_handler_t::replace); }

// A float's number as people write it: 0.003, not 0.003000000026077032.
double as_written(float value) { return std::stod(fmt::format("{}", value)); }

void add_scalar(const std::string& tag, double value, tensorboard::Summary* summary) {
  auto* added = summary->add_value();
  added->set_tag(tag);
  added->set_simple_value(static_cast<float>(value));
}

// "train/accuracy", or "train/accuracy/3" for one of several elements.
void add_scores(const std::string& group, const std::vector<Score>& scores, tensorboard::Summary* summary) {
  for (size_t i = 0, element = 0; i < scores.size(); ++i) {
    const bool same_before = i > 0 && scores[i - 1].name == scores[i].name;
    const bool same_after = i + 1 < scores.size() && scores[i + 1].name == scores[i].name;
    element = same_before ? element + 1 : 0;
    const std::string tag = group + "/" + printable(scores[i].name);
    add_scalar(same_before || same_after ? fmt::format("{}/{}", tag, element) : tag, scores[i].value, summary);
  }
}

void add_histogram(const char* group, const NetParameterInfo& info, const real* values, double scale,
                   tensorboard::Summary* summary) {
  auto* value = summary->add_value();
  value->set_tag(fmt::format("{}/{}/{}", group, printable(info.layer), info.index));
  *value->mutable_histo() = histogram(values, info.parameter->count(), scale);
}

// The fields of a line of the file that tell whether it is kept; of() returns nothing for a line that is not a row.
struct Row {
  int64_t iteration;
  bool is_test;
  double seconds;
  bool out_of_turn;

  static std::optional<Row> of(const std::string& line) {
    try {
      const Json row = Json::parse(line);
      const double iteration = row.at("iteration").get<double>();
      if (!(std::fabs(iteration) < 1e15)) return std::nullopt;  // too large for crema and for int64_t
      return Row{static_cast<int64_t>(iteration), row.at("kind") == "test", row.at("seconds"),
                 row.value("out_of_turn", false)};
    } catch (const Json::exception&) {
      return std::nullopt;
    }
  }
};

bool has_tag(const tensorboard::Event& event, std::string_view start) {
  return event.summary().value_size() > 0 && event.summary().value(0).tag().starts_with(start);
}

std::ofstream opened(const std::string& path, std::ios::openmode mode) {
  std::ofstream file(path, mode | std::ios::binary);
  check(file.good(), "{}: cannot write: {}", path, std::strerror(errno));
  return file;
}

}  // namespace

// A failure to write metrics is logged once and does not end the training.
template <typename Action>
void Metrics::guarded(const Action& action) {
  if (failed_) return;
  try {
    action();
  } catch (const std::exception& error) {
    failed_ = true;
    CREMA_ERROR("no more metrics are written: {}", error.what());
  }
}

Metrics::Metrics(const SolverConfig& config, int iteration, int tested, bool more)
    : files_(run_files(config)), last_iteration_(iteration) {
  guarded([&] { start_events(iteration, tested, start_json(iteration, tested, more)); });
}

// Returns the iteration of the row that is removed because more iterations follow; -1 if there is none.
int64_t Metrics::start_json(int iteration, int tested, bool more) {
  const std::string& path = files_.rows;
  std::string kept;
  int64_t left_out = -1;
  if (iteration > 0 && fs::exists(path)) {
    const std::string before = read_file(path);
    for (size_t begin = 0, end; (end = before.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string line = before.substr(begin, end - begin);
      const auto row = Row::of(line);
      if (!row || !stays(row->iteration, row->is_test, iteration, tested)) continue;
      if (row->out_of_turn && more) {
        left_out = row->iteration;
        continue;
      }
      seconds_before_ = std::max(seconds_before_, row->seconds);
      kept += line + "\n";
    }
  }
  write_file(path, kept);
  json_ = opened(path, std::ios::app);
  return left_out;
}

void Metrics::start_events(int iteration, int tested, int64_t left_out) {
  const std::string& path = files_.events;
  const std::string folder = fs::path(path).parent_path().string();
  std::error_code ignored;
  fs::create_directory(folder, ignored);
  check(fs::is_directory(folder, ignored), "{}: cannot make this folder", folder);
  std::string kept = event_record(first_event(wall_time()));
  if (iteration > 0 && fs::exists(path)) {
    kept.clear();
    for (const tensorboard::Event& event : read_events(read_file(path))) {
      if (event.step() == left_out && has_tag(event, "train/")) continue;
      if (event.has_file_version() || stays(event.step(), has_tag(event, "test"), iteration, tested)) {
        kept += event_record(event);
      }
    }
    if (kept.empty()) kept = event_record(first_event(wall_time()));
  }
  write_file(path, kept);
  events_ = opened(path, std::ios::app);
}

double Metrics::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(Clock::now() - start_).count();
}

void Metrics::write_json(const std::string& line) {
  json_ << line << '\n' << std::flush;
  check(json_.good(), "{}: cannot write: {}", files_.rows, std::strerror(errno));
}

void Metrics::write_event(int iteration, tensorboard::Summary summary) {
  tensorboard::Event event;
  event.set_wall_time(wall_time());
  event.set_step(iteration);
  *event.mutable_summary() = std::move(summary);
  events_ << event_record(event) << std::flush;
  check(events_.good(), "{}: cannot write: {}", files_.events, std::strerror(errno));
}

void Metrics::train(const Progress& p, const std::vector<Score>& outputs, bool out_of_turn) {
  guarded([&] {
    const double passed = p.seconds - last_train_;
    const int done = p.iteration - last_iteration_;
    last_train_ = p.seconds;
    last_iteration_ = p.iteration;
    Json row{{"kind", "train"},
             {"iteration", p.iteration},
             {"seconds", seconds()},
             {"loss", p.loss},
             {"lr", as_written(p.rate)}};
    tensorboard::Summary summary;
    add_scalar("train/total_loss", p.loss, &summary);
    add_scalar("train/lr", static_cast<double>(p.rate), &summary);
    if (p.items > 0 && done > 0 && passed > 0) {
      const double speed = static_cast<double>(p.items) * done / passed;
      row["images_per_second"] = speed;
      add_scalar("train/images_per_second", speed, &summary);
    }
    add_outputs(outputs, &row);
    if (out_of_turn) row["out_of_turn"] = true;
    add_scores("train", outputs, &summary);
    write_json(line_of(row));
    write_event(p.iteration, std::move(summary));
  });
}

void Metrics::test(int iteration, int net, const Evaluation& result, bool with_loss) {
  guarded([&] {
    Json row{{"kind", "test"}, {"iteration", iteration}, {"seconds", seconds()}, {"net", net}};
    const std::string group = net == 0 ? "test" : fmt::format("test{}", net);
    tensorboard::Summary summary;
    if (with_loss) {
      row["loss"] = result.loss;
      add_scalar(group + "/total_loss", result.loss, &summary);
    }
    add_outputs(result.scores, &row);
    add_scores(group, result.scores, &summary);
    write_json(line_of(row));
    if (summary.value_size() > 0) write_event(iteration, std::move(summary));
  });
}

void Metrics::weights(int iteration, const std::vector<NetParameterInfo>& parameters) {
  guarded([&] {
    tensorboard::Summary summary;
    for (const NetParameterInfo& info : parameters) add_histogram("weights", info, info.parameter->data(), 1, &summary);
    write_event(iteration, std::move(summary));
  });
}

void Metrics::gradients(int iteration, const std::vector<NetParameterInfo>& parameters, double scale) {
  guarded([&] {
    tensorboard::Summary summary;
    for (const NetParameterInfo& info : parameters) {
      if (info.parameter->has_diff()) add_histogram("gradients", info, info.parameter->diff(), scale, &summary);
    }
    write_event(iteration, std::move(summary));
  });
}

}  // namespace crema
