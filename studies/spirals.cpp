#include "spirals.h"

#include <hdf5.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "solvers/evaluate.h"
#include "solvers/solver.h"
#include "study.h"

namespace crema {
namespace {

constexpr int kClasses = 3, kPerClass = 200;

void write_set(hid_t file, const char* name, const std::vector<hsize_t>& dims, const std::vector<float>& values) {
  const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
  const hid_t settings = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(settings, false);  // otherwise the file would contain the time of its creation
  const hid_t set = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, settings, H5P_DEFAULT);
  const bool written = set >= 0 && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0;
  if (set >= 0) H5Dclose(set);
  H5Pclose(settings);
  H5Sclose(space);
  check(written, "data set {} cannot be written", name);
}

// A net's result on a square of the plane: the points of each class, and its accuracy on the test points.
struct Judged {
  std::vector<std::vector<ChartPoint>> regions{kClasses};
  double test = 0;
};

double accuracy(Net& net) {
  const auto result = evaluate(net, 1);
  for (const Score& score : result->scores) {
    if (score.name == "accuracy") return score.value;
  }
  throw Error("the spirals' net has no output \"accuracy\"");
}

// The class of each point of a grid, by the solver's net with an Input in place of its data.
void judge_plane(Solver& solver, Judged* judged) {
  NetParameter net = solver.net().config().net;
  NetParameter plain;
  plain.set_name(net.name());
  LayerParameter* input = plain.add_layer();
  input->set_name("plane");
  input->set_type("Input");
  input->add_top("data");
  constexpr int kSide = 64;
  BlobShape* shape = input->mutable_input_param()->add_shape();
  shape->add_dim(kSide * kSide);
  shape->add_dim(2);
  for (const LayerParameter& layer : net.layer()) {
    if (layer.bottom_size() == 1) *plain.add_layer() = layer;
  }
  plain.mutable_state()->set_phase(TEST);
  Net judge(wrap(plain, "the spirals' net"), {.backward = false, .partner = &solver.net()});
  real* places = judge.input("data").mutable_data();
  for (int i = 0; i < kSide * kSide; ++i) {
    places[2 * i] = static_cast<real>(-1.2 + 2.4 * (i % kSide + 0.5) / kSide);
    places[2 * i + 1] = static_cast<real>(-1.2 + 2.4 * (i / kSide + 0.5) / kSide);
  }
  const std::vector<real> grid(places, places + 2 * kSide * kSide);
  judge.forward();
  const real* scores = judge.outputs()[0].blob->data();
  for (int i = 0; i < kSide * kSide; ++i) {
    const real* s = scores + i * kClasses;
    judged->regions[static_cast<size_t>(std::max_element(s, s + kClasses) - s)].push_back(
        {static_cast<double>(grid[2 * i]), static_cast<double>(grid[2 * i + 1])});
  }
}

Judged train(const std::string& path) {
  Solver solver(path, quiet());
  solver.step(read_solver(path).solver.max_iter());
  Judged judged;
  judged.test = accuracy(solver.test_net(0));
  judge_plane(solver, &judged);
  return judged;
}

Panel panel(const std::string& title, const Judged& judged, const Spirals& points) {
  constexpr Colour kPale[] = {{204, 227, 240}, {247, 223, 204}, {204, 236, 227}};
  Panel panel{.title = title};
  panel.equal_scales = true;
  panel.x = {.min = -1.2, .max = 1.2};
  panel.y = panel.x;
  for (size_t c = 0; c < kClasses; ++c) {
    panel.series.push_back(
        {.points = judged.regions[c], .colour = kPale[c], .line = false, .dots = true, .dot_size = 5});
  }
  for (size_t c = 0; c < kClasses; ++c) {
    Series series{.colour = palette(c), .line = false, .dots = true, .dot_size = 2.5};
    for (size_t i = c; i < points.label.size(); i += kClasses) {
      series.points.push_back({static_cast<double>(points.data[2 * i]), static_cast<double>(points.data[2 * i + 1])});
    }
    panel.series.push_back(series);
  }
  return panel;
}

}  // namespace

Spirals make_spirals(const std::string& name, int per_class) {
  const Random random(1, "spirals", name);
  Spirals spirals;
  for (int i = 0; i < per_class * kClasses; ++i) {
    const auto element = static_cast<uint64_t>(i);
    const double along = (i / kClasses + 0.5) / per_class;
    const double angle = 2 * 3.14159265358979323846 * (i % kClasses) / kClasses + 5 * along;
    const double radius = 0.1 + 0.9 * along;
    spirals.data.push_back(static_cast<float>(radius * std::cos(angle) + 0.04 * random.gaussian(2 * element)));
    spirals.data.push_back(static_cast<float>(radius * std::sin(angle) + 0.04 * random.gaussian(2 * element + 1)));
    spirals.label.push_back(static_cast<float>(i % kClasses));
  }
  return spirals;
}

void write_spirals(const std::string& path, const Spirals& spirals) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  check(file >= 0, "{}: cannot be written", path);
  const hsize_t count = spirals.label.size();
  write_set(file, "data", {count, 2}, spirals.data);
  write_set(file, "label", {count}, spirals.label);
  check(H5Fclose(file) >= 0, "{}: cannot be written", path);
}

void spirals_study() {
  const Spirals points = make_spirals("train", kPerClass), others = make_spirals("test", kPerClass);
  write_spirals("models/spirals/train.h5", points);
  write_spirals("models/spirals/test.h5", others);
  const Judged linear = train("models/spirals/solver_linear.prototxt"),
               fourier = train("models/spirals/solver_fourier.prototxt"), mlp = train("models/spirals/solver.prototxt");
  const auto row = [](const char* name, const Judged& judged) {
    return std::vector<std::string>{name, fmt::format("{:.1f} %", 100 * judged.test)};
  };
  publish("spirals",
          {.title = "Three spirals, and where each class is seen",
           .panels = {panel("linear", linear, others), panel("random Fourier features", fourier, others),
                      panel("two hidden layers", mlp, others)},
           .columns = 3,
           .panel_height = 240},
          {{"net", "accuracy on 600 test points"},
           {row("linear", linear), row("random Fourier features", fourier), row("two hidden layers", mlp)}});
}

}  // namespace crema
