// Checks that the parts of the studies give the results that the studies describe.
#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <sstream>

#include "base/file.h"
#include "depth.h"
#include "quadratic.h"
#include "spirals.h"
#include "study.h"
#include "support/data_files.h"

namespace crema {
namespace {

TEST(Studies, newton_is_at_the_minimum_after_one_step) {
  EXPECT_GT(distance(kStart), 2);
  EXPECT_LT(distance(newton_step(kStart)), 1e-12);
}

TEST(Studies, bias_correction_makes_the_first_step_a_full_one) {
  const double full = 0.01 * distance(gradient(kStart));
  const auto plain = descend("type: 'Momentum' momentum: 0.9", 0.01, 1);
  const auto corrected = descend("type: 'Momentum' momentum: 0.9 bias_correction: true", 0.01, 1);
  EXPECT_NEAR(distance(plain[1], plain[0]), 0.1 * full, 1e-5);
  EXPECT_NEAR(distance(corrected[1], corrected[0]), full, 1e-5);
}

TEST(Studies, activations_and_gradients_vanish_hold_and_explode) {
  const auto before = [](double variance) {
    return train_deep({.variance = variance, .layers = 50, .width = 100, .iterations = 1}).before;
  };
  const Norms vanish = before(1), hold = before(2), explode = before(3);
  EXPECT_LT(vanish.activations.back(), 1e-5);
  EXPECT_LT(vanish.gradients.front(), 1e-5);
  EXPECT_NEAR(std::log10(hold.activations.back()), 0, 1);
  EXPECT_NEAR(std::log10(hold.gradients.front()), 0, 1);
  EXPECT_GT(explode.activations.back(), 1e3);
  EXPECT_GT(explode.gradients.front(), 1e3);
}

TEST(Studies, weights_of_variance_3_end_in_nan) {
  EXPECT_TRUE(std::isnan(train_deep({.variance = 3, .iterations = 5}).losses.back()));
}

// BatchNorm's gradient explodes on its way to the first layer, LayerNorm's keeps its size.
TEST(Studies, normalized_activations_do_not_depend_on_the_weights_variance) {
  const auto ratio = [](const std::string& normalization, double variance) {
    const Norms n = train_deep({.variance = variance, .normalization = normalization, .iterations = 1}).before;
    for (const size_t layer : {0, 24, 49}) EXPECT_NEAR(n.activations[layer], 6.8, 0.5) << normalization;
    return n.gradients.front() / n.gradients.back();
  };
  for (const double variance : {1, 2, 3}) {
    EXPECT_GT(ratio("type: 'BatchNorm'", variance), 1e4);
    EXPECT_NEAR(
        std::log10(ratio("type: 'LayerNorm' layer_norm_param { scale_term: false bias_term: false }", variance)), 0, 1);
  }
}

TEST(Studies, the_spirals_of_the_repository_are_those_that_are_made) {
  const TempFolder folder;
  for (const char* name : {"train", "test"}) {
    write_spirals(folder / "made.h5", make_spirals(name, 200));
    EXPECT_TRUE(read_file(folder / "made.h5") == read_file(std::string("models/spirals/") + name + ".h5")) << name;
  }
}

// A polyline's points, and the box to which it is clipped.
TEST(Studies, pictures_show_curves_whole) {
  for (const char* name : {"quadratic_paths", "overfitting", "spirals", "depth_batchnorm", "depth_layernorm"}) {
    const std::string svg = read_file(std::string("studies/") + name + ".svg");
    static const std::regex part(
        "<rect x=\"([^\"]*)\" y=\"([^\"]*)\" width=\"([^\"]*)\" height=\"([^\"]*)\"/></clipPath>|"
        "<polyline points=\"([^\"]*)\" fill=\"none\" stroke=\"([^\"]*)\"|(</g>)");
    double box[4] = {0, 0, 1e4, 1e4};
    bool clipped = false;
    int points = 0;
    for (std::sregex_iterator i(svg.begin(), svg.end(), part), end; i != end; ++i) {
      if ((*i)[1].matched) {
        clipped = true;
        for (size_t k = 0; k < 4; ++k) box[k] = std::stod((*i)[k + 1]);
      }
      if ((*i)[7].matched) clipped = false;
      if (!clipped || !(*i)[5].matched || (*i)[6] == "#aaaeb4") continue;  // grey: contours, which go on outside
      std::istringstream places((*i)[5]);
      char comma = 0;
      for (double x = 0, y = 0; places >> x >> comma >> y; ++points) {
        EXPECT_TRUE(x >= box[0] && x <= box[0] + box[2] && y >= box[1] && y <= box[1] + box[3])
            << name << ": " << x << ", " << y;
      }
    }
    EXPECT_TRUE(points > 100 || name == std::string("spirals")) << name;
  }
}

TEST(Studies, the_readme_has_the_tables_that_were_written) {
  const std::string readme = read_file("studies/README.md");
  for (const char* name : {"depth", "depth_batchnorm", "depth_layernorm", "quadratic", "overfitting", "spirals"}) {
    EXPECT_NE(readme.find(read_file(std::string("studies/") + name + ".md")), std::string::npos) << name;
  }
}

TEST(Studies, tables_are_markdown) {
  EXPECT_EQ(markdown({{"a", "long"}, {{"1", "2"}}}), "| a   | long |\n| --- | ---- |\n| 1   | 2    |\n");
}

}  // namespace
}  // namespace crema
