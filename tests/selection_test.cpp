// Layers that pick and gather: against plain loops at sizes for all cores, from pass to pass, and their errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "math/gather.h"
#include "support/messages.h"
#include "support/nets.h"

namespace crema {
namespace {

using Values = std::vector<float>;

Values values_of(const Blob& blob) { return {blob.data(), blob.data() + blob.count()}; }

// --- sums over picked rows -------------------------------------------------------------------------------------------

Values random_values(size_t count, const std::string& name) {
  const Random random(3, "values", name);
  Values x(count);
  for (size_t i = 0; i < count; ++i) x[i] = static_cast<float>(random.gaussian(i));
  return x;
}

TEST(Gather, SumsEachRowInOrderOnAnyNumberOfThreads) {
  for (const long length : {1L, 3L, 64L, 100L, 1500L}) {
    for (const long rows : {1L, 7L, 300L}) {
      constexpr long kPicks = 500;
      BufferOf<int> picks(kPicks);
      const Random random(1, "picks", "");
      for (long i = 0; i < kPicks; ++i)
        picks[i] = static_cast<int>(random.bits(static_cast<uint64_t>(i)) % static_cast<uint32_t>(rows));
      const Values dy = random_values(static_cast<size_t>(kPicks * length), "dy");
      const Values before = random_values(static_cast<size_t>(rows * length), "sums");
      for (const real beta : {real{0}, real{1}}) {
        Values expected = before;
        if (beta == 0) std::fill(expected.begin(), expected.end(), 0.f);
        for (long i = 0; i < kPicks; ++i) {
          for (long k = 0; k < length; ++k) expected[picks[i] * length + k] += dy[i * length + k];
        }
        for (const int threads : {1, 2, 5}) {
          const ThreadScope scope(threads);
          Values sums = before;
          if (beta == 0) std::fill(sums.begin(), sums.end(), NAN);
          scatter_rows(picks, length, dy.data(), beta, rows, sums.data());
          EXPECT_EQ(sums, expected) << length << " x " << rows << " on " << threads;
        }
      }
    }
  }
}

// --- ArgMax at size --------------------------------------------------------------------------------------------------

// The index of rank k, by a full sort.
long index_of_rank(const real* x, long n, long stride, long k) {
  std::vector<long> order(static_cast<size_t>(n));
  for (long i = 0; i < n; ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](long a, long b) { return x[a * stride] != x[b * stride] ? x[a * stride] > x[b * stride] : a > b; });
  return order[k];
}

TEST(ArgMax, FindsWhatSortingFinds) {
  for (const long top_k : {1L, 2L, 9L}) {
    for (const bool last_axis : {false, true}) {
      const auto net = net_of(input_text("x", {3, 40, 700}) +
                              fmt::format("layer {{ name: 'a' type: 'ArgMax' bottom: 'x' top: 'y' argmax_param {{ "
                                          "axis: {} top_k: {} }} }}",
                                          last_axis ? 2 : 1, top_k));
      Blob& x = net->input("x");
      fill_input(*net, "x");
      for (long i = 0; i < x.count(); ++i) x.mutable_data()[i] = std::round(x.data()[i] * 5);  // many equal ones
      net->forward();
      const Blob& y = net->value("y");
      const long n = last_axis ? 700 : 40, inner = last_axis ? 1 : 700, outer = last_axis ? 120 : 3;
      ASSERT_EQ(y.shape(), last_axis ? (Shape{3, 40, top_k}) : (Shape{3, top_k, 700}));
      for (long o = 0; o < outer; ++o) {
        for (long s = 0; s < inner; ++s) {
          for (const long k : {0L, top_k - 1}) {
            const long expected = index_of_rank(x.data() + o * n * inner + s, n, inner, k);
            ASSERT_EQ(y.data()[(o * top_k + k) * inner + s], static_cast<float>(expected)) << o << ' ' << s << ' ' << k;
          }
        }
      }
    }
  }
}

TEST(Reduction, OfManyElements) {
  const auto net = net_of(input_text("x", {2, 100000}) +
                          "layer { name: 'a' type: 'Reduction' bottom: 'x' top: 'y' reduction_param { axis: 1 "
                          "operation: MEAN } }");
  std::fill_n(net->input("x").mutable_data(), 100000, 0.1f);
  std::fill_n(net->input("x").mutable_data() + 100000, 100000, -3.f);
  net->forward();
  EXPECT_NEAR(net->value("y").data()[0], 0.1f, 1e-7);
  EXPECT_EQ(net->value("y").data()[1], -3.f);
}

// --- Filter from pass to pass ----------------------------------------------------------------------------------------

TEST(Filter, FollowsItsSelector) {
  for (const bool plan : {true, false}) {
    NetOptions options;
    options.plan = plan;
    const auto net =
        net_of("force_backward: true " + input_text("x", {3, 2}) + input_text("s", {3}) + input_text("t", {3}) +
                   "layer { name: 'double' type: 'Power' bottom: 'x' top: 'd' power_param { scale: 2 } }"
                   "layer { name: 'f' type: 'Filter' bottom: 'd' bottom: 't' bottom: 's' top: 'y' top: 'u' }"
                   "layer { name: 'square' type: 'Power' bottom: 'y' top: 'q' power_param { power: 2 } }"
                   "layer { name: 'sum' type: 'Reduction' bottom: 'q' top: 'loss' loss_weight: 1 }",
               options);
    const Values x = {1, 2, 3, 4, 5, 6}, t = {7, 8, 9};
    for (const Values& s : {Values{1, 0, 1}, Values{0, 0, 0}, Values{0, 1, 0}, Values{1, 1, 1}}) {
      set_input(*net, "x", x);
      set_input(*net, "t", t);
      set_input(*net, "s", s);
      Values kept, kept_t, gradient;
      float loss = 0;
      for (size_t i = 0; i < 3; ++i) {
        if (s[i] != 0) kept_t.push_back(t[i]);
        for (const size_t k : {2 * i, 2 * i + 1}) {
          gradient.push_back(s[i] != 0 ? 8 * x[k] : 0);
          if (s[i] != 0) loss += 4 * x[k] * x[k];
        }
      }
      EXPECT_EQ(net->forward(), loss);
      EXPECT_EQ(values_of(net->value("u")), kept_t);
      net->backward();
      EXPECT_EQ(Values(net->input("x").diff(), net->input("x").diff() + 6), gradient) << (plan ? "planned" : "");
    }
  }
}

// --- faults ----------------------------------------------------------------------------------------------------------

// The error of a net with one such layer, while it is built or in its first pass.
std::string said(const std::vector<std::vector<long>>& bottoms, const std::string& layer,
                 const std::map<std::string, Values>& inputs = {}) {
  std::string text, names;
  for (size_t b = 0; b < bottoms.size(); ++b) {
    text += input_text(fmt::format("in{}", b), bottoms[b]);
    names += fmt::format(" bottom: 'in{}'", b);
  }
  const std::string message = message_of([&] {
    const auto net = net_of(text + "layer { name: 'L' " + layer + names + " top: 'y' }");
    for (const auto& [name, values] : inputs) set_input(*net, name, values);
    net->forward();
  });
  const std::string place = "net.prototxt:" + std::to_string(bottoms.size() + 1) + ": layer \"L\" (";
  return message.starts_with(place) ? message.substr(message.find("): ") + 3) : message;
}

TEST(Refused, Indices) {
  const std::string embed = "type: 'Embed' embed_param { input_dim: 4 num_output: 2 }";
  EXPECT_EQ(said({{2, 3}}, embed, {{"in0", {0, 1, 2, 3, 4, 0}}}),
            "index 4 of record 1, place 1 is none of the 4 rows of the table (whole numbers from 0)");
  EXPECT_EQ(said({{2}}, embed, {{"in0", {0, -1}}}),
            "index -1 of record 1 is none of the 4 rows of the table (whole numbers from 0)");
  EXPECT_EQ(said({{2}}, embed, {{"in0", {0.5f, 1}}}),
            "index 0.5 of record 0 is none of the 4 rows of the table (whole numbers from 0)");
  EXPECT_EQ(said({{1}}, embed, {{"in0", {NAN}}}),
            "index nan of record 0 is none of the 4 rows of the table (whole numbers from 0)");
  EXPECT_EQ(said({{3, 2}, {2}}, "type: 'BatchReindex'", {{"in1", {1, 3}}}),
            "index 3 of record 1 is none of the 3 records (whole numbers from 0)");
  EXPECT_EQ(said({{0, 2}, {1}}, "type: 'BatchReindex'", {{"in1", {0}}}),
            "index 0 of record 0 is none of the 0 records (whole numbers from 0)");
}

TEST(Refused, Settings) {
  EXPECT_EQ(said({{2}}, "type: 'Embed' embed_param { input_dim: 4 }"),
            "num_output is 0; it must be given and positive");
  EXPECT_EQ(said({{2}}, "type: 'Embed' embed_param { num_output: 4 }"), "input_dim is 0; expected 1 to 16777216");
  EXPECT_EQ(said({{2, 3}}, "type: 'ArgMax' argmax_param { top_k: 0 }"), "top_k is 0; it must be positive");
  EXPECT_EQ(said({{2, 3}}, "type: 'ArgMax' argmax_param { top_k: 4 }"),
            "top_k is 4, and 3 elements are searched (bottom 0: 2 3) (bottom \"in0\": 2 3)");
  EXPECT_EQ(said({{2, 3}}, "type: 'ArgMax' argmax_param { axis: 0 top_k: 3 }"),
            "top_k is 3, and 2 elements are searched (bottom 0: 2 3) (bottom \"in0\": 2 3)");
  EXPECT_EQ(said({{}}, "type: 'ArgMax'"),
            "the bottom is a scalar; there is nothing to search (bottom \"in0\": scalar)");
}

TEST(Refused, Shapes) {
  EXPECT_EQ(said({{3, 2}, {2, 1}}, "type: 'BatchReindex'"),
            "bottom 1 (2 1) must have one axis, of indices (bottom \"in0\": 3 2, bottom \"in1\": 2 1)");
  EXPECT_EQ(said({{3, 2}, {2}}, "type: 'Filter'"),
            "bottom 0 (3 2) must have as many records (axis 0) as the last bottom (2) (bottom \"in0\": 3 2, bottom "
            "\"in1\": 2)");
  EXPECT_EQ(said({{2, 2}, {2, 2}}, "type: 'Filter'"),
            "the last bottom (2 2) must be one number a record (bottom \"in0\": 2 2, bottom \"in1\": 2 2)");
  EXPECT_EQ(said({{2, 2}, {2, 2}, {2}}, "type: 'Filter'"),
            "1 tops for 3 bottoms; there is one for each bottom but the last, 2 (bottom \"in0\": 2 2, bottom \"in1\": "
            "2 2, bottom \"in2\": 2)");
}

// Layers below a selector or an index must not learn: they would get no gradient.
TEST(Refused, GradientsToSelectors) {
  const std::string learns =
      input_text("x", {2, 1}) +
      "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'h' inner_product_param { num_output: 1 axis: 1 } }\n";
  const std::string filter = "layer { name: 'f' type: 'Filter' bottom: 'x' bottom: 'h' top: 'y' loss_weight: 1 }";
  EXPECT_EQ(message_of([&] { net_of(learns + filter); }),
            "net.prototxt:3: layer \"f\" (Filter): bottom 1 (\"h\") takes no gradient, but layers below it learn; say "
            "propagate_down: false for it");
}

}  // namespace
}  // namespace crema
