// LSTM and RNN from batch to batch: what they carry, what cuts it, repeated passes, other shapes, snapshots.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "core/weights.h"
#include "solvers/snapshot.h"
#include "solvers/solver.h"
#include "support/array.h"
#include "support/data_files.h"
#include "support/messages.h"
#include "support/nets.h"
#include "support/training.h"

namespace crema {
namespace {

constexpr const char* kFillers =
    "weight_filler { type: 'uniform' min: -1 max: 1 } bias_filler { type: 'uniform' min: -1 max: 1 }";

std::string text_of(const std::string& type, long steps, long sequences = 2, const std::string& more = "") {
  return input_text("x", {steps, sequences, 3}) + input_text("cont", {steps, sequences}) +
         fmt::format(
             "layer {{ name: 'L' type: '{}' bottom: 'x' bottom: 'cont' top: 'y' "
             "recurrent_param {{ num_output: 4 {} {} }} }}",
             type, kFillers, more);
}

// Runs pass number `batch` over its part of a long sequence and returns its output. cont is 1, except for `cut` at the
// first step.
std::vector<real> run(Net& net, long batch, real cut = 1) {
  Blob &x = net.input("x"), &cont = net.input("cont");
  const Random numbers(3, "test", "x");
  const long first = batch * x.count();
  for (long i = 0; i < x.count(); ++i) {
    x.mutable_data()[i] = static_cast<real>(numbers.gaussian(static_cast<uint64_t>(first + i)));
  }
  std::fill_n(cont.mutable_data(), cont.count(), real{1});
  std::fill_n(cont.mutable_data(), cont.dim(1), cut);
  net.forward();
  const Blob& y = net.value("y");
  return {y.data(), y.data() + y.count()};
}

double largest_difference(const std::vector<real>& a, const std::vector<real>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max<double>(largest, std::abs(a[i] - b[i]));
  return largest;
}

class Carried : public testing::TestWithParam<const char*> {};

TEST_P(Carried, a_sequence_may_come_in_parts) {
  for (const Phase phase : {TRAIN, TEST}) {
    const auto whole = net_of(text_of(GetParam(), 6), {}, phase), parts = net_of(text_of(GetParam(), 2), {}, phase);
    const std::vector<real> expected = run(*whole, 0);
    std::vector<real> joined;
    for (long batch = 0; batch < 3; ++batch) {
      const std::vector<real> part = run(*parts, batch);
      joined.insert(joined.end(), part.begin(), part.end());
    }
    EXPECT_LT(largest_difference(joined, expected), 1e-6);
  }
}

TEST_P(Carried, ends_where_cont_is_zero) {
  const auto fresh = net_of(text_of(GetParam(), 2)), used = net_of(text_of(GetParam(), 2));
  const std::vector<real> expected = run(*fresh, 1);
  run(*used, 0);
  const std::vector<real> cut = run(*used, 1, 0);
  EXPECT_EQ(cut, expected);
  run(*used, 0);
  EXPECT_GT(largest_difference(run(*used, 1), expected), 1e-3);
}

TEST_P(Carried, does_not_move_in_a_repeated_pass) {
  const auto plain = net_of(text_of(GetParam(), 2)), repeated = net_of(text_of(GetParam(), 2));
  for (long batch = 0; batch < 4; ++batch) {
    const std::vector<real> expected = run(*plain, batch);
    EXPECT_EQ(run(*repeated, batch), expected);
    repeated->set_replay(true);
    EXPECT_EQ(run(*repeated, batch), expected);
    run(*repeated, batch + 10);  // whatever it is repeated with
    EXPECT_EQ(run(*repeated, batch), expected);
    repeated->set_replay(false);
  }
}

TEST_P(Carried, outlives_another_number_of_steps) {
  const auto net = net_of(text_of(GetParam(), 2)), whole = net_of(text_of(GetParam(), 3));
  const std::vector<real> expected = run(*whole, 0);
  run(*net, 0);
  net->reshape({{"x", Shape{1, 2, 3}}, {"cont", Shape{1, 2}}});
  const std::vector<real> last = run(*net, 2);
  EXPECT_LT(largest_difference(last, {expected.end() - 8, expected.end()}), 1e-6);
}

TEST_P(Carried, starts_from_zero_with_another_number_of_sequences) {
  const auto net = net_of(text_of(GetParam(), 2)), fresh = net_of(text_of(GetParam(), 2, 3));
  run(*net, 0);
  net->reshape({{"x", Shape{2, 3, 3}}, {"cont", Shape{2, 3}}});
  EXPECT_EQ(run(*net, 0), run(*fresh, 0));
  EXPECT_EQ(run(*net, 1), run(*fresh, 1));
  net->reshape({{"x", Shape{2, 2, 3}}, {"cont", Shape{2, 2}}});
  const auto other = net_of(text_of(GetParam(), 2));
  EXPECT_EQ(run(*net, 0), run(*other, 0));
}

TEST_P(Carried, outlives_a_reshape_that_fails) {
  const auto net = net_of(text_of(GetParam(), 2)), other = net_of(text_of(GetParam(), 2));
  EXPECT_EQ(run(*net, 0), run(*other, 0));
  EXPECT_NE(message_of([&] { net->reshape({{"x", Shape{2, 3, 5}}, {"cont", Shape{2, 3}}}); }), "no error");
  EXPECT_EQ(run(*net, 1), run(*other, 1));
  net->reshape({{"x", Shape{2, 3, 3}}, {"cont", Shape{2, 3}}});  // and a reshape that is undone before a pass
  net->reshape({{"x", Shape{2, 2, 3}}, {"cont", Shape{2, 2}}});
  EXPECT_EQ(run(*net, 2), run(*other, 2));
}

// The gradient of a batch that starts from a carried state equals that of a batch that gets the same state as its
// bottoms.
TEST_P(Carried, gradients_stop_at_the_batch) {
  const bool lstm = GetParam() == std::string("LSTM");
  const std::string states = lstm ? "bottom: 'h' bottom: 'c' top: 'h_T' top: 'c_T'" : "bottom: 'h' top: 'h_T'";
  std::string text = input_text("h", {1, 2, 4}) + (lstm ? input_text("c", {1, 2, 4}) : "") +
                     text_of(GetParam(), 2, 2, "expose_hidden: true");
  text.insert(text.find("top: 'y'") + 9, states + " ");
  NetOptions options;
  options.output_diffs = {"y"};
  const auto carried = net_of("force_backward: true " + text_of(GetParam(), 2), options);
  const auto exposed = net_of("force_backward: true " + text, options);
  for (const char* state : {"h", "c"}) {
    if (lstm || *state == 'h') std::fill_n(exposed->input(state).mutable_data(), 8, real{0});
  }
  for (long batch = 0; batch < 3; ++batch) {
    EXPECT_EQ(run(*carried, batch), run(*exposed, batch));
    for (Net* net : {carried.get(), exposed.get()}) {
      fill_output_diff(*net, "y");
      net->backward();
    }
    EXPECT_TRUE(same_bits(carried->input("x").count(), carried->input("x").diff(), exposed->input("x").diff()));
    for (size_t k = 0; k < carried->parameters().size(); ++k) {
      const Parameter &a = *carried->parameters()[k].parameter, &b = *exposed->parameters()[k].parameter;
      EXPECT_TRUE(same_bits(a.count(), a.diff(), b.diff())) << "parameter " << k;
    }
    std::copy_n(exposed->value("h_T").data(), 8, exposed->input("h").mutable_data());
    if (lstm) std::copy_n(exposed->value("c_T").data(), 8, exposed->input("c").mutable_data());
  }
}

TEST_P(Carried, is_saved_and_restored) {
  const auto net = net_of(text_of(GetParam(), 2)), other = net_of(text_of(GetParam(), 2));
  run(*net, 0);
  run(*net, 1);
  NetProgress progress;
  net->save_progress(&progress);
  other->restore_progress(progress);
  EXPECT_EQ(run(*other, 2), run(*net, 2));
  EXPECT_EQ(run(*other, 3), run(*net, 3));
}

TEST_P(Carried, what_does_not_fit_is_refused_and_changes_nothing) {
  const auto net = net_of(text_of(GetParam(), 2)), untouched = net_of(text_of(GetParam(), 2));
  run(*net, 0);
  run(*untouched, 0);
  NetProgress good;
  net->save_progress(&good);
  const int arrays = good.layer(0).state_size();
  const auto said = [&](const std::function<void(LayerProgress&)>& change) {
    NetProgress bad = good;
    change(*bad.mutable_layer(0));
    return message_of([&] { net->restore_progress(bad); });
  };
  const int last = arrays - 1;
  EXPECT_EQ(said([](LayerProgress& kept) { kept.mutable_state()->RemoveLast(); }),
            fmt::format("layer \"L\": {} arrays of carried state, and the layer has {}", arrays - 1, arrays));
  EXPECT_EQ(said([](LayerProgress& kept) { *kept.add_state() = kept.state(0); }),
            fmt::format("layer \"L\": {} arrays of carried state, and the layer has {}", arrays + 1, arrays));
  EXPECT_EQ(said([&](LayerProgress& kept) { kept.mutable_state(last)->mutable_shape()->set_dim(1, 3); }),
            fmt::format("layer \"L\": carried state {}: shape 1 3 4 where 1 2 4 is needed", last));
  EXPECT_EQ(said([&](LayerProgress& kept) { kept.mutable_state(last)->mutable_data()->RemoveLast(); }),
            fmt::format("layer \"L\": carried state {}: 7 values for shape 1 2 4", last));
  EXPECT_EQ(said([&](LayerProgress& kept) { kept.mutable_state(last)->set_data(5, NAN); }),
            fmt::format("layer \"L\": carried state {}: damaged: element 5 is no finite number", last));
  EXPECT_EQ(said([](LayerProgress& kept) { kept.set_name("M"); }),
            "keeps the state of recurrent layer \"M\", which the net does not have");
  EXPECT_EQ(run(*net, 1), run(*untouched, 1));
}

INSTANTIATE_TEST_SUITE_P(Types, Carried, testing::Values("LSTM", "RNN"), [](const auto& info) { return info.param; });

TEST(Recurrent, an_exposed_state_is_not_carried) {
  std::string text = input_text("h", {1, 2, 4}) + text_of("RNN", 2, 2, "expose_hidden: true");
  text.insert(text.find("top: 'y'") + 9, "bottom: 'h' top: 'h_T' ");
  const auto net = net_of(text);
  fill_input(*net, "h");
  const std::vector<real> first = run(*net, 0);
  fill_input(*net, "h");
  EXPECT_EQ(run(*net, 0), first);
  NetProgress progress;
  net->save_progress(&progress);
  EXPECT_EQ(progress.layer_size(), 0);
}

TEST(Recurrent, debug_info_logs_each_step) {
  NetOptions options;
  options.output_diffs = {"y"};
  const auto net = net_of("force_backward: true " + text_of("LSTM", 3, 2, "debug_info: true"), options);
  const std::string log = log_of([&] {
    run(*net, 0);
    fill_output_diff(*net, "y");
    net->backward();
  });
  for (const char* line : {"[Forward] Layer L, step 0: gates 0.", "[Forward] Layer L, step 2: gates 0.",
                           "[Backward] Layer L, step 2: gates 0.", "[Backward] Layer L, step 0: gates 0."}) {
    EXPECT_NE(log.find(line), std::string::npos) << line << "\n" << log;
  }
}

TEST(Recurrent, counts_its_products) {
  const auto lstm = net_of(text_of("LSTM", 5)), rnn = net_of(text_of("RNN", 5));
  const auto count = [](Net& net) { return net.layer(2).multiply_adds(net.bottoms(2), net.tops(2)); };
  EXPECT_EQ(count(*lstm), 5 * 2 * (16 * 3 + 16 * 4));
  EXPECT_EQ(count(*rnn), 5 * 2 * (4 * 3 + 4 * 4 + 4 * 4));
}

// The same except for the last bits of the products, which BLAS adds up in another order.
// The problems are large enough for the engine. One has a number of sequences that threads divide unevenly, one has too
// few to divide.
TEST(Recurrent, the_engine_agrees_with_the_plain_path) {
  for (const char* type : {"LSTM", "RNN"}) {
    for (const long sequences : {3, 33}) {
      std::vector<Seen> seen;
      for (const Engine engine : {Engine::plain, default_engine()}) {
        NetOptions options;
        options.engine = engine;
        options.output_diffs = {"y"};
        const std::string fillers = "weight_filler { type: 'xavier' } bias_filler { type: 'uniform' }";
        const auto net = net_of(
            fmt::format("force_backward: true {}{} layer {{ name: 'L' type: '{}' bottom: 'x' bottom: 'cont' top: 'y' "
                        "recurrent_param {{ num_output: 72 {} }} }}",
                        input_text("x", {4, sequences, 5}), input_text("cont", {4, sequences}), type, fillers),
            options);
        fill_input(*net, "x");
        fill_output_diff(*net, "y");
        Blob& cont = net->input("cont");
        for (long i = 0; i < cont.count(); ++i) cont.mutable_data()[i] = i % 7 == 0 ? 0 : 1;
        net->forward();
        net->backward();
        seen.push_back(see(*net));
        EXPECT_EQ(net->layer(net->layer_index("L")).implementation() == "plain", engine == Engine::plain);
      }
      for (const auto& [name, values] : seen[0]) {
        double largest = 0;
        for (const real value : values) largest = std::max<double>(largest, std::abs(value));
        EXPECT_LE(largest_difference(seen[1].at(name), values), 1e-5 * largest) << type << " " << name;
      }
    }
  }
}

TEST(Recurrent, does_not_depend_on_the_number_of_threads) {
  for (const char* type : {"LSTM", "RNN"}) {
    std::vector<Seen> seen;
    for (const int threads : {1, 3}) {
      NetOptions options;
      options.threads = threads;
      options.output_diffs = {"y"};
      std::string text = "force_backward: true " + text_of(type, 3, 37);
      text.replace(text.find("num_output: 4"), 13, "num_output: 45");
      const auto net = net_of(text, options);
      for (long batch = 0; batch < 2; ++batch) run(*net, batch);
      fill_output_diff(*net, "y");
      net->backward();
      seen.push_back(see(*net));
    }
    for (const auto& [name, values] : seen[0]) {
      EXPECT_LT(largest_difference(values, seen[1].at(name)), 1e-4) << type << ", " << name;
    }
  }
}

TEST(Recurrent, refuses_what_does_not_fit) {
  const std::string two = "recurrent_param { num_output: 2 }",
                    exposed = "recurrent_param { num_output: 2 expose_hidden: true }";
  const struct {
    std::string type, param;
    std::vector<std::vector<long>> bottoms;
    int tops;
    const char* message;
  } rows[] = {
      {"LSTM", "", {{2, 3, 4}, {2, 3}}, 1, "num_output is 0; it must be given and positive"},
      {"LSTM", two, {{2, 3}, {2, 3}}, 1, "bottom 0 has shape 2 3; expected T N ..., 3 axes or more"},
      {"LSTM", two, {{2, 3, 4}, {3, 2}}, 1, "bottom 1 has shape 3 2; with bottom 0 of 2 3 4, expected 2 3"},
      {"RNN", two, {{2, 3, 4}, {2, 3, 1}}, 1, "bottom 1 has shape 2 3 1; with bottom 0 of 2 3 4, expected 2 3"},
      {"RNN",
       two,
       {{2, 3, 4}, {2, 3}, {2, 5}},
       1,
       "bottom 2 has shape 2 5; with bottom 0 of 2 3 4, expected 3 ..., 2 axes or more"},
      {"RNN",
       two,
       {{2, 3, 4}, {2, 3}, {3}},
       1,
       "bottom 2 has shape 3; with bottom 0 of 2 3 4, expected 3 ..., 2 axes or more"},
      {"RNN", exposed, {{2, 3, 4}, {2, 3}, {3, 2, 1}}, 2, "bottom 2 has shape 3 2 1; a state of 1 3 2 is expected"},
      {"LSTM",
       exposed,
       {{2, 3, 4}, {2, 3}, {1, 3, 2}, {1, 3, 5}},
       3,
       "bottom 3 has shape 1 3 5; a state of 1 3 2 is expected"},
      {"LSTM", two, {{2, 3, 4}}, 1, "takes 2 to 3 bottoms, and 1 is named"},
      {"LSTM", two, {{2, 3, 4}, {2, 3}, {3, 2}, {1, 3, 2}}, 1, "takes 2 to 3 bottoms, and 4 are named"},
      {"LSTM", exposed, {{2, 3, 4}, {2, 3}, {1, 3, 2}, {1, 3, 2}}, 1, "gives 3 tops, and 1 is named"},
      {"LSTMUnit", "", {{2, 3, 4}, {2, 3, 16}, {2, 3}}, 2, "bottom 0 has shape 2 3 4; expected 1 N D"},
      {"LSTMUnit",
       "",
       {{1, 3, 4}, {1, 3, 12}, {1, 3}},
       2,
       "bottom 1 has shape 1 3 12; with bottom 0 of 1 3 4, expected 1 3 16"},
      {"LSTMUnit",
       "",
       {{1, 3, 4}, {1, 3, 16}, {3, 1}},
       2,
       "bottom 2 has shape 3 1; with bottom 0 of 1 3 4, expected 1 3"},
      {"LSTMUnit", "", {{1, 3, 4}, {1, 3, 16}}, 2, "takes 3 bottoms, and 2 are named"},
  };
  for (const auto& row : rows) {
    std::string text, names;
    for (size_t b = 0; b < row.bottoms.size(); ++b) {
      text += input_text(fmt::format("b{}", b), row.bottoms[b]);
      names += fmt::format("bottom: 'b{}' ", b);
    }
    for (int t = 0; t < row.tops; ++t) names += fmt::format("top: 't{}' ", t);
    text += fmt::format("layer {{ name: 'L' type: '{}' {} {} }}", row.type, names, row.param);
    const std::string message = message_of([&] { net_of(text); });
    EXPECT_NE(message.find(row.message), std::string::npos) << message << "\nexpected: " << row.message;
  }
}

// --- training --------------------------------------------------------------------------------------------------------

// Two sequences of 40 steps, which the batches take 5 by 5: each batch continues where the one before ended, and new
// sequences begin at steps 13 and 27.
void write_sequences(const TempFolder& folder) {
  constexpr long kRows = 40;
  Array x{{kRows, 2, 3}, {}}, cont{{kRows, 2}, {}}, label{{kRows, 2}, {}};
  const Random numbers(5, "test", "sequences");
  for (long row = 0; row < kRows; ++row) {
    for (uint64_t i = 0; i < 6; ++i) {
      x.values.push_back(static_cast<float>(numbers.gaussian(static_cast<uint64_t>(row) * 6 + i)));
    }
    for (long n = 0; n < 2; ++n) {
      cont.values.push_back(row == 0 || row == (n == 0 ? 13 : 27) ? 0 : 1);
      label.values.push_back(x.values[static_cast<size_t>(row * 6 + n * 3)] > 0 ? 1 : 0);
    }
  }
  write_hdf5(folder / "rows.h5", {{"x", x}, {"cont", cont}, {"label", label}});
  folder.write("list.txt", folder / "rows.h5\n");
}

SolverConfig config(const std::string& type, const TempFolder& data, const TempFolder& folder,
                    const std::string& fields = "") {
  const std::string net = fmt::format(R"(
    layer {{ name: "data" type: "HDF5Data" top: "x" top: "cont" top: "label"
            hdf5_data_param {{ source: "{}" batch_size: 5 }} }}
    layer {{ name: "rnn" type: "{}" bottom: "x" bottom: "cont" top: "h" recurrent_param {{ num_output: 6 {} }} }}
    layer {{ name: "drop" type: "Dropout" bottom: "h" top: "h" dropout_param {{ dropout_ratio: 0.2 }} }}
    layer {{ name: "ip" type: "InnerProduct" bottom: "h" top: "ip"
            inner_product_param {{ num_output: 2 axis: 2 weight_filler {{ type: "xavier" }} }} }}
    layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss"
            softmax_param {{ axis: 2 }} }})",
                                      data / "list.txt", type, kFillers);
  const std::string run = "momentum: 0.9 iter_size: 2 random_seed: 11 test_iter: 3 test_interval: 2 snapshot: 1 " +
                          fields + fmt::format(" snapshot_prefix: '{}'", folder / "s");
  return parse_solver(digits_solver(run, net), folder / "solver.prototxt");
}

std::string contents(const TempFolder& folder, int iteration) {
  const std::string stem = folder / fmt::format("s_iter_{}", iteration);
  SolverState state = read_state(stem + ".solverstate");
  state.clear_learned_net();
  return state.SerializeAsString() + read_file(stem + ".caffemodel");
}

TEST_P(Carried, a_training_cut_anywhere_ends_with_the_same_bits) {
  const TempFolder data, whole;
  write_sequences(data);
  Solver(config(GetParam(), data, whole)).solve();
  for (int cut = 1; cut < 6; ++cut) {
    const TempFolder resumed;
    Solver solver(config(GetParam(), data, resumed));
    solver.restore(whole / fmt::format("s_iter_{}.solverstate", cut));
    solver.solve();
    ASSERT_EQ(contents(whole, 6), contents(resumed, 6)) << "cut at " << cut;
  }
}

// Without the carried state the training would continue differently, so the test above would fail.
TEST_P(Carried, a_training_depends_on_it) {
  const TempFolder data, whole, resumed;
  write_sequences(data);
  Solver(config(GetParam(), data, whole)).solve();
  SolverState state = read_state(whole / "s_iter_3.solverstate");
  for (LayerProgress& kept : *state.mutable_net(0)->mutable_layer()) {
    for (BlobProto& array : *kept.mutable_state()) {
      for (float& number : *array.mutable_data()) number = 0;
    }
  }
  write_binary(whole / "s_iter_3.solverstate", state);
  Solver solver(config(GetParam(), data, resumed));
  solver.restore(whole / "s_iter_3.solverstate");
  solver.solve();
  EXPECT_NE(contents(whole, 6), contents(resumed, 6));
}

// A state of Caffe's does not hold the carried state, so training continues from zero.
TEST_P(Carried, goes_on_from_a_state_of_caffes) {
  const TempFolder data, folder;
  write_sequences(data);
  Solver(config(GetParam(), data, folder, "max_iter: 2")).solve();
  SolverState state = read_state(folder / "s_iter_2.solverstate");
  state.clear_net();
  write_binary(folder / "s_iter_2.solverstate", state);
  Solver solver(config(GetParam(), data, folder));
  EXPECT_EQ(message_of([&] { solver.restore(folder / "s_iter_2.solverstate"); }), "no error");
  solver.solve();
  EXPECT_EQ(solver.iteration(), 6);
}

TEST_P(Carried, a_state_with_another_number_of_sequences_is_refused) {
  const TempFolder data, folder;
  write_sequences(data);
  Solver(config(GetParam(), data, folder, "max_iter: 1")).solve();
  const std::string path = folder / "s_iter_1.solverstate";
  SolverState state = read_state(path);
  state.mutable_net(0)->mutable_layer(1)->mutable_state(0)->mutable_shape()->set_dim(1, 4);
  write_binary(path, state);
  EXPECT_EQ(message_of([&] { Solver(config(GetParam(), data, folder)).restore(path); }),
            path + ": layer \"rnn\": carried state 0: shape 1 4 6 where 1 2 6 is needed");
}

}  // namespace
}  // namespace crema
