#include <limits>

#include <fmt/format.h>

#include "math/blas.h"
#include "math/checked_engine.h"
#include "math/comparison.h"
#include "math/convolution_choice.h"
#include "math/convolution_plain.h"
#include "math/reorder.h"

namespace crema {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

std::vector<long> spatial(const Shape& shape) { return {shape.dims().begin() + 2, shape.dims().end()}; }

Buffer moved(const Shape& shape, const Buffer& plain, Layout layout) {
  Buffer to(storage_count(shape, layout));
  Reorder(shape, Layout::plain, layout).run(plain.data(), to.data());
  return to;
}

double error_in(Layout layout, const Shape& shape, const Guarded& result, const Buffer& expected) {
  if (!result.intact()) return kInfinite;
  Buffer actual(shape.count());
  Reorder(shape, layout, Layout::plain).run(result.data(), actual.data());
  return difference(actual.data(), expected.data(), shape.count());
}

// Arrays of a problem in plain layouts, and the plain path on them.
struct Case {
  const ConvolutionProblem& p;
  PlainConvolution plain;
  Buffer x, dy, w, b;

  explicit Case(const ConvolutionProblem& problem)
      : p(problem),
        plain({p.bottom[1], spatial(p.bottom), spatial(p.top), p.windows}, p.bottom[0], p.top[1], p.group),
        x(noise(p.bottom.count(), 1)),
        dy(noise(p.top.count(), 2)),
        w(noise(p.weights.count(), 3)),
        b(noise(p.weights[0], 4)) {}

  const real* bias() const { return p.bias ? b.data() : nullptr; }
};

Shape with_records(const Shape& shape, long records) {
  std::vector<long> dims = shape.dims();
  dims[0] = records;
  return Shape(dims);
}

// The problems that a kernel may be compared on, the cheapest first.
std::vector<ConvolutionProblem> samples(const ConvolutionProblem& p) {
  ConvolutionProblem few = p;
  few.bottom = with_records(p.bottom, few_records(p.bottom[0]));
  few.top = with_records(p.top, few.bottom[0]);
  std::vector<ConvolutionProblem> all = {class_of(p), few};
  std::erase_if(all, [](const ConvolutionProblem& q) {
    return static_cast<double>(q.top.count()) * static_cast<double>(q.weights.count_from(1)) > kWorthComparing;
  });
  return all;
}

struct PassCheck {
  const char* name;
  std::string (EngineConvolution::*kernel)() const;
  double (*error)(EngineConvolution&, const ConvolutionProblem&);
};

const PassCheck kPasses[] = {
    {"convolution forward", &EngineConvolution::implementation, &error_of_forward},
    {"convolution backward data", &EngineConvolution::backward_data_implementation, &error_of_backward_data},
    {"convolution backward weights", &EngineConvolution::backward_weights_implementation, &error_of_backward_weights},
};

}  // namespace

ConvolutionProblem class_of(const ConvolutionProblem& p) {
  ConvolutionProblem c = p;
  c.group = few_channels(p.group);
  const long channels = few_channels(p.weights[1]), outputs = few_channels(p.weights[0] / p.group);
  std::vector<long> bottom = {few_records(p.bottom[0]), c.group * channels}, top = {bottom[0], c.group * outputs};
  std::vector<long> weights = p.weights.dims();
  weights[0] = top[1];
  weights[1] = channels;
  const int axes = p.bottom.axes() - 2;
  for (int a = 0; a < axes; ++a) {
    const long stride = p.windows.stride[a];
    const long windows = few_windows(p.top[2 + a], stride, p.windows.pad[a], a == axes - 1);
    top.push_back(windows);
    bottom.push_back(p.bottom[2 + a] - (p.top[2 + a] - windows) * stride);
  }
  c.bottom = Shape(bottom);
  c.top = Shape(top);
  c.weights = Shape(weights);
  return c;
}

double error_of_forward(EngineConvolution& engine, const ConvolutionProblem& p) {
  const OneThread thread;
  const Case c(p);
  Buffer expected(p.top.count()), memory(c.plain.data_memory());
  c.plain.forward(c.x.data(), c.w.data(), c.bias(), expected.data(), memory.data());
  finish_in_loops(p.finish, p.top.count(), c.dy.data(), expected.data());
  const Buffer x = moved(p.bottom, c.x, engine.bottom_layout()), other = moved(p.top, c.dy, engine.top_layout());
  Guarded y(storage_count(p.top, engine.top_layout()));
  thread.on_all(
      [&] { engine.forward(x.data(), c.w.data(), 1, c.bias(), p.finish.add ? other.data() : nullptr, y.data()); });
  return error_in(engine.top_layout(), p.top, y, expected);
}

double error_of_backward_data(EngineConvolution& engine, const ConvolutionProblem& p) {
  const OneThread thread;
  const Case c(p);
  Buffer expected(p.bottom.count()), memory(c.plain.data_memory());
  c.plain.backward_data(c.dy.data(), c.w.data(), expected.data(), memory.data());
  const Buffer dy = moved(p.top, c.dy, engine.top_layout());
  Guarded dx(storage_count(p.bottom, engine.bottom_layout()));
  thread.on_all([&] { engine.backward_data(dy.data(), c.w.data(), 1, dx.data()); });
  return error_in(engine.bottom_layout(), p.bottom, dx, expected);
}

double error_of_backward_weights(EngineConvolution& engine, const ConvolutionProblem& p) {
  const OneThread thread;
  const Case c(p);
  const long count = p.weights.count(), outputs = p.weights[0];
  Buffer expected(count), expected_bias(outputs), memory(c.plain.weights_memory());
  c.plain.backward_weights(c.x.data(), c.dy.data(), expected.data(), 0, memory.data());
  sum_channels(p.top[0], outputs, p.top.count_from(2), c.dy.data(), 0, expected_bias.data());
  const Buffer x = moved(p.bottom, c.x, engine.bottom_layout()), dy = moved(p.top, c.dy, engine.top_layout());
  Guarded dw(count), db(outputs);
  thread.on_all([&] { engine.backward_weights(x.data(), dy.data(), dw.data(), 0, p.bias ? db.data() : nullptr, 0); });
  if (!dw.intact() || !db.intact()) return kInfinite;
  const double error = difference(dw.data(), expected.data(), count);
  return p.bias ? std::max(error, difference(db.data(), expected_bias.data(), outputs)) : error;
}

std::unique_ptr<EngineConvolution> checked_convolution(const ConvolutionProblem& problem,
                                                       const ConvolutionAlgorithms& algorithms) {
  auto engine = EngineConvolution::create(problem, algorithms);
  if (!engine) return nullptr;
  const int axes = problem.bottom.axes();
  const std::string text =
      fmt::format("{}, {} to {}", problem_text(class_of(problem)), layout_name(engine->bottom_layout(), axes),
                  layout_name(engine->top_layout(), axes));
  const double tolerance = tolerance_of(problem.precision);
  const auto make = [&](const ConvolutionProblem& sample) { return EngineConvolution::create(sample, algorithms); };
  for (const PassCheck& pass : kPasses) {
    const std::string kernel = (*engine.*pass.kernel)();
    const auto same = [&](const EngineConvolution& other) {
      return (other.*pass.kernel)() == kernel && other.bottom_layout() == engine->bottom_layout() &&
             other.top_layout() == engine->top_layout();
    };
    if (!is_right({pass.name, kernel, text}, tolerance, samples(problem), make, same, pass.error)) return nullptr;
  }
  return engine;
}

}  // namespace crema
