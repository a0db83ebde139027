// What a run writes beside its snapshots: JSON lines, TensorBoard's records, the solver as run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/crc32c.h"
#include "base/file.h"
#include "core/weights.h"
#include "solvers/event_file.h"
#include "solvers/solver.h"
#include "support/data_files.h"
#include "support/messages.h"
#include "support/training.h"

namespace crema {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

SolverConfig config(const std::string& fields, const TempFolder& folder) {
  return parse_solver(digits_solver(fields + fmt::format(" snapshot_prefix: '{}'", folder / "s")), "solver.prototxt");
}

std::vector<json> rows_of(const TempFolder& folder) {
  std::istringstream lines(read_file(folder / "s.metrics.jsonl"));
  std::vector<json> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(json::parse(line));
  return rows;
}

std::vector<tensorboard::Event> events_of(const TempFolder& folder) {
  return read_events(read_file(folder / "s_tensorboard/events.out.tfevents.0.crema"));
}

// "train 2" or "test 4", in order.
std::string order(const std::vector<json>& rows) {
  std::string text;
  for (const json& row : rows)
    text += fmt::format("{} {}, ", row["kind"].get<std::string>(), row["iteration"].get<int>());
  return text;
}

// Check values of RFC 3720, appendix B.4.
TEST(Crc32c, of_known_bytes) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

// The bytes of a record, one by one: a length of 24, its masked checksum, the message, its masked checksum.
TEST(Events, are_framed_as_tensorboard_reads_them) {
  tensorboard::Event event;
  event.set_wall_time(1.5);
  event.set_file_version("brain.Event:2");
  const std::string record = event_record(event);
  const std::string message = std::string("\x09\0\0\0\0\0\0\xf8\x3f", 9) +
                              "\x1a\x0d"
                              "brain.Event:2";
  ASSERT_EQ(record.size(), 8 + 4 + message.size() + 4);
  EXPECT_EQ(record.substr(0, 8), std::string("\x18\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(record.substr(12, message.size()), message);
  EXPECT_EQ(record.substr(8, 4), std::string("\xa3\x7f\x4b\x22", 4));  // the same in every file that TensorBoard itself
                                                                       // begins
}

TEST(Events, are_read_up_to_the_first_damage) {
  tensorboard::Event event = first_event(1);
  std::string bytes = event_record(event);
  for (int step = 1; step <= 3; ++step) {
    event.Clear();
    event.set_step(step);
    bytes += event_record(event);
  }
  ASSERT_EQ(read_events(bytes).size(), 4u);
  EXPECT_EQ(read_events(bytes)[3].step(), 3);
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_LE(read_events(bytes.substr(0, size)).size(), 3u);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_LT(read_events(damaged).size(), 4u) << i;
  }
}

TEST(Events, histograms_count_every_finite_value) {
  const std::vector<real> values = {-1, 0, 0.5, 3, std::numeric_limits<real>::quiet_NaN(), 3};
  const auto h = histogram(values.data(), 6, 2);
  EXPECT_EQ(h.num(), 5);
  EXPECT_EQ(h.min(), -2);
  EXPECT_EQ(h.max(), 6);
  EXPECT_EQ(h.sum(), 11);
  EXPECT_EQ(h.sum_squares(), 4 + 0 + 1 + 36 + 36);
  double counted = 0;
  for (int b = 0; b < h.bucket_size(); ++b) {
    counted += h.bucket(b);
    EXPECT_GT(h.bucket_limit(b), b == 0 ? h.min() : h.bucket_limit(b - 1));
  }
  EXPECT_EQ(counted, 5);
  EXPECT_EQ(h.bucket(h.bucket_size() - 1), 2);
  const std::vector<real> same(7, 0.25);
  EXPECT_EQ(histogram(same.data(), 7, 1).bucket_size(), 1);
  EXPECT_EQ(histogram(same.data(), 0, 1).num(), 0);
}

constexpr const char* kFields =
    "max_iter: 6 display: 2 average_loss: 2 test_iter: 2 test_interval: 3 test_compute_loss: true random_seed: 4 "
    "snapshot: 2 lr_policy: 'step' stepsize: 3 gamma: 0.5 ";

TEST(Metrics, hold_every_displayed_iteration_and_every_test) {
  const TempFolder folder;
  const std::string log = log_of([&] { Solver(config(kFields, folder)).solve(); });
  const std::vector<json> rows = rows_of(folder);
  EXPECT_EQ(order(rows), "test 0, train 0, train 2, test 3, train 4, train 5, test 6, ");
  const json& train = rows[4];
  EXPECT_EQ(train["lr"].get<double>(), 0.05);
  EXPECT_GT(train["images_per_second"].get<double>(), 0);
  EXPECT_NE(log.find(fmt::format("loss = {:g}\n", train["loss"].get<double>())), std::string::npos) << log;
  EXPECT_EQ(train["outputs"]["loss"].size(), 1u);
  const json& test = rows[6];
  EXPECT_EQ(test["net"].get<int>(), 0);
  EXPECT_NE(log.find(fmt::format("accuracy = {:g}\n", test["outputs"]["accuracy"][0].get<double>())),
            std::string::npos);
  EXPECT_GT(test["loss"].get<double>(), 0);
  EXPECT_GE(test["seconds"].get<double>(), train["seconds"].get<double>());
}

TEST(Metrics, tensorboard_gets_the_same_numbers) {
  const TempFolder folder;
  Solver(config(std::string(kFields) + "histogram_interval: 4", folder)).solve();
  const auto rows = rows_of(folder);
  const auto events = events_of(folder);
  EXPECT_EQ(events.at(0).file_version(), "brain.Event:2");
  std::map<std::string, float> at_four;
  size_t histograms = 0;
  for (const auto& event : events) {
    for (const auto& value : event.summary().value()) {
      if (event.step() == 4 && value.has_simple_value()) at_four[value.tag()] = value.simple_value();
      if (event.step() == 4 && value.has_histo()) histograms += value.histo().num() > 0;
    }
  }
  EXPECT_EQ(histograms, 8u);  // weights and gradients of four parameters
  EXPECT_EQ(at_four.at("train/lr"), 0.05f);
  EXPECT_EQ(at_four.at("train/total_loss"), static_cast<float>(rows[4]["loss"].get<double>()));
  EXPECT_EQ(at_four.at("train/loss"), static_cast<float>(rows[4]["outputs"]["loss"][0].get<double>()));
}

// Not of the weights ahead, at which the rule takes its gradient.
TEST(Metrics, histograms_are_of_the_weights_between_iterations) {
  const TempFolder folder;
  Solver(config("max_iter: 3 snapshot: 2 histogram_interval: 2 type: 'Nesterov' averaged: true momentum: 0.9 "
                "random_seed: 4",
                folder))
      .solve();
  const ModelNet model = read_model(folder / "s_iter_2.caffemodel");
  const auto ip1 = std::find_if(model.layer().begin(), model.layer().end(),
                                [](const ModelLayer& layer) { return layer.name() == "ip1"; });
  const auto& weights = ip1->blobs(0).data();
  double greatest = 0;
  for (const auto& event : events_of(folder)) {
    for (const auto& value : event.summary().value()) {
      if (event.step() == 2 && value.tag() == "weights/ip1/0") greatest = value.histo().max();
    }
  }
  EXPECT_EQ(greatest, *std::max_element(weights.begin(), weights.end()));
}

TEST(Metrics, are_cut_back_to_where_a_run_goes_on) {
  const TempFolder whole, cut;
  Solver(config(kFields, whole)).solve();
  Solver(config(kFields, cut)).solve();
  Solver resumed(config(kFields, cut));
  resumed.restore(cut / "s_iter_2.solverstate");
  resumed.solve();
  EXPECT_EQ(order(rows_of(cut)), order(rows_of(whole)));
  EXPECT_EQ(rows_of(cut)[3]["outputs"], rows_of(whole)[3]["outputs"]);
  EXPECT_EQ(events_of(cut).size(), events_of(whole).size());
}

// If a run is resumed, the out_of_turn row is removed, so that an interrupted run reads like an uninterrupted one.
TEST(Metrics, the_last_iteration_has_a_row) {
  const TempFolder folder, early, whole;
  const std::string fields = "display: 4 test_iter: 1 test_interval: 3 random_seed: 4 snapshot: 3 ";
  const auto last_loss = [](const json& row) { return row["outputs"]["loss"]; };
  Solver(config(fields + "max_iter: 6", folder)).solve();
  auto rows = rows_of(folder);
  EXPECT_EQ(order(rows), "test 0, train 0, test 3, train 4, train 5, test 6, ");
  EXPECT_TRUE(rows[4].at("out_of_turn").get<bool>());
  EXPECT_FALSE(rows[3].contains("out_of_turn"));
  const json at_five = last_loss(rows[4]);
  size_t events = 0;
  for (const auto& event : events_of(folder)) events += event.step() == 5;
  EXPECT_EQ(events, 1u);

  // The run stops before a test, which may have overwritten the outputs.
  SolverOptions options;
  int asked = 0;
  options.poll = [&] { return ++asked > 1 + 6 + 1 ? Request::stop : Request::none; };
  Solver(config(fields + "max_iter: 90", early), options).solve();
  rows = rows_of(early);
  EXPECT_EQ(order(rows), "test 0, train 0, test 3, train 4, train 5, ");
  EXPECT_EQ(last_loss(rows[4]), at_five);

  for (const bool cut : {true, false}) {
    const TempFolder& here = cut ? folder : whole;
    Solver solver(config(fields + "max_iter: 9", here));
    if (cut) solver.restore(folder / "s_iter_6.solverstate");
    solver.solve();
    EXPECT_EQ(order(rows_of(here)), "test 0, train 0, test 3, train 4, test 6, train 8, test 9, ");
    for (const auto& event : events_of(here)) EXPECT_NE(event.step(), 5);
  }
  Solver nothing_left(config(fields + "max_iter: 6", early));
  nothing_left.restore(folder / "s_iter_6.solverstate");
  nothing_left.solve();
  EXPECT_EQ(order(rows_of(early)), "test 0, train 0, test 3, train 4, train 5, test 6, ");
}

TEST(Metrics, of_a_large_output_have_its_mean) {
  const TempFolder folder;
  const auto config_of = [&](int channels) {
    return parse_solver(digits_solver(fmt::format("max_iter: 1 snapshot_prefix: '{}'", folder / "s"),
                                      digits_net() + fmt::format("layer {{ name: 'map' type: 'DummyData' top: 'map' "
                                                                 "dummy_data_param {{ shape {{ dim: {} dim: 10 }} "
                                                                 "data_filler {{ value: 0.25 }} }} }}",
                                                                 channels)),
                        "solver.prototxt");
  };
  const std::string log = log_of([&] { Solver(config_of(101)).solve(); });
  json row = rows_of(folder).at(0);
  EXPECT_EQ(row["outputs"]["map"], json::array({0.25}));
  EXPECT_EQ(row["means_of"], json({{"map", 1010}}));
  EXPECT_LT(events_of(folder).at(1).summary().value_size(), 10);
  Solver(config_of(100)).solve();
  row = rows_of(folder).at(0);
  EXPECT_EQ(row["outputs"]["map"].size(), 1000u);
  EXPECT_FALSE(row.contains("means_of"));
  Solver displayed(config_of(101));
  EXPECT_EQ(text(scores(displayed.net()).back()), "map = 0 (mean of 1010)");
}

// Rows that no run has written, or that were damaged, are removed when a run is resumed.
TEST(Metrics, rows_that_are_none_are_left_out) {
  const TempFolder folder;
  Solver(config("display: 1 max_iter: 2 snapshot: 1", folder)).solve();
  const std::string rows = read_file(folder / "s.metrics.jsonl");
  std::string odd = rows.substr(0, rows.find('\n') + 1);
  for (const char* iteration : {"1e300", "-1e300", "null", "\"1\"", "99999999999999999999"}) {
    odd += fmt::format("{{\"kind\":\"train\",\"iteration\":{},\"seconds\":1}}\n", iteration);
  }
  write_file(folder / "s.metrics.jsonl", odd + "{\"kind\":\n[]\n\n");
  Solver solver(config("display: 1 max_iter: 2", folder));
  solver.restore(folder / "s_iter_1.solverstate");
  solver.solve();
  EXPECT_EQ(order(rows_of(folder)), "train 0, train 1, ");
}

// Names may be any bytes. But JSON and TensorBoard need UTF-8, and rows may be printed on a terminal.
TEST(Metrics, take_any_name) {
  const TempFolder folder;
  const std::string net = digits_net() +
                          "layer { name: 'a' type: 'DummyData' top: 'red\\033[31m\\377' "
                          "dummy_data_param { shape { dim: 1 } } }";
  const std::string fields = fmt::format("max_iter: 2 display: 1 snapshot_prefix: '{}'", folder / "s");
  Solver(parse_solver(digits_solver(fields, net), "solver.prototxt")).solve();
  EXPECT_EQ(rows_of(folder).size(), 2u);
  const std::string bytes = read_file(folder / "s.metrics.jsonl");
  EXPECT_TRUE(std::none_of(bytes.begin(), bytes.end(), [](char c) { return c >= 0 && c < ' ' && c != '\n'; })) << bytes;
  bool found = false;
  for (const auto& event : events_of(folder)) {
    for (const auto& value : event.summary().value()) found = found || value.tag() == "train/red\\x1B[31m\\xFF";
  }
  EXPECT_TRUE(found);
}

TEST(Metrics, a_file_that_cannot_be_written_does_not_end_a_training) {
  const TempFolder folder;
  fs::create_directory(folder / "s.metrics.jsonl");
  const std::string log = log_of([&] { Solver(config(kFields, folder)).solve(); });
  EXPECT_NE(log.find("no more metrics are written: "), std::string::npos) << log;
  EXPECT_NE(log.find("Optimization Done."), std::string::npos) << log;
}

TEST(Metrics, are_not_written_where_the_solver_says_so) {
  const TempFolder folder;
  Solver(config(std::string(kFields) + "metrics: false", folder)).solve();
  EXPECT_FALSE(fs::exists(folder / "s.metrics.jsonl"));
  EXPECT_FALSE(fs::exists(folder / "s_tensorboard"));
  EXPECT_FALSE(fs::exists(folder / "s_run.prototxt"));
}

TEST(RunText, trains_the_same_run_again) {
  const TempFolder folder;
  SolverOptions options;
  options.seed = 77;
  Solver(config(kFields, folder), options).solve();
  const std::string model = read_file(folder / "s_iter_6.caffemodel");
  fs::remove(folder / "s_iter_6.caffemodel");
  fs::copy_file(folder / "s_run.prototxt", folder / "again.prototxt");
  Solver again(folder / "again.prototxt");
  EXPECT_EQ(again.seed(), 77u);
  again.solve();
  EXPECT_TRUE(model == read_file(folder / "s_iter_6.caffemodel"));
  EXPECT_EQ(read_file(folder / "again.prototxt"), read_file(folder / "s_run.prototxt"));
}

}  // namespace
}  // namespace crema
