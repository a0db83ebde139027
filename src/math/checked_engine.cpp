#include "math/checked_engine.h"

#include <limits>

#include <fmt/format.h>

#include "math/blas.h"
#include "math/comparison.h"
#include "math/math_info.h"
#include "math/reorder.h"

namespace crema {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

double error_of_result(const Guarded& result, const Buffer& expected, long count) {
  return result.intact() ? difference(result.data(), expected.data(), count) : kInfinite;
}

std::string threads() { return fmt::format("{} threads", omp_get_max_threads()); }

// --- inner products ---

double cost(const InnerProductProblem& p) {
  return static_cast<double>(p.rows) * static_cast<double>(p.inputs) * static_cast<double>(p.outputs);
}

std::vector<InnerProductProblem> samples(const InnerProductProblem& p) {
  InnerProductProblem small = p, few = p;
  small.rows = few.rows = few_channels(p.rows);
  small.inputs = few_channels(p.inputs);
  small.outputs = few_channels(p.outputs);
  std::vector<InnerProductProblem> all = {small};
  if (cost(few) < kWorthComparing) all.push_back(few);
  return all;
}

std::string text_of(const InnerProductProblem& p) {
  return fmt::format("{} x {} to {}{}{}{}{}{}, {}, {}", p.rows, p.inputs, p.outputs, p.transpose ? ", transposed" : "",
                     p.bias ? ", bias" : "", p.finish.add ? ", sum" : "", p.finish.relu ? ", relu" : "",
                     p.constant_weights ? ", constant" : "", precision_name(p.precision), threads());
}

// --- pooling ---

PoolingAxis with_few_windows(const PoolingAxis& axis, bool innermost) {
  PoolingAxis few = axis;
  few.out = few_windows(axis.out, axis.stride, axis.pad, innermost);
  few.in -= (axis.out - few.out) * axis.stride;
  return few;
}

std::vector<PoolingProblem> samples(const PoolingProblem& p) {
  PoolingProblem small = p, few = p;
  small.h = with_few_windows(p.h, false);
  small.w = with_few_windows(p.w, true);
  small.x = Shape{few_records(p.x[0]), few_channels(p.x[1]), small.h.in, small.w.in};
  few.x = Shape{few_records(p.x[0]), few_channels(p.x[1]), p.h.in, p.w.in};
  return {small, few};
}

std::string text_of(const PoolingProblem& p) {
  const auto axis = [](const PoolingAxis& a) {
    return fmt::format("{} to {} by kernel {} stride {} pad {}", a.in, a.out, a.kernel, a.stride, a.pad);
  };
  return fmt::format("{}, {}, {}, {}", p.x.str(), layout_name(p.layout, 4), axis(p.h), axis(p.w)) + ", " + threads();
}

std::unique_ptr<EnginePooling> make(const PoolingProblem& p) {
  return EnginePooling::create(p.method, p.x, p.layout, p.h, p.w);
}

// --- products of steps ---

std::string text_of(const StepsProblem& p) {
  return fmt::format("{} x {} to {}{}{}, {}", fmt::join(p.rows, "+"), p.inputs, p.outputs,
                     p.transpose ? ", transposed" : "", p.add ? ", sum" : "", threads());
}

// --- several arrays ---

long few_numbers(long n) {
  constexpr long kMost = 4096, kRest = 64;
  return n <= kMost ? n : kMost + n % kRest;
}

double error_of_combine(EngineCombine& engine, const std::vector<Buffer>& x, const Buffer& expected) {
  const OneThread thread;
  std::vector<const real*> pointers;
  for (const Buffer& array : x) pointers.push_back(array.data());
  Guarded y(expected.size());
  thread.on_all([&] { engine.run(pointers, y.data()); });
  return error_of_result(y, expected, expected.size());
}

// For a part with one kernel: `error` compares it on the first of the problems for which the engine takes this kernel.
template <typename Part, typename Problem, typename Make, typename Compare>
std::unique_ptr<Part> checked(std::unique_ptr<Part> part, const char* pass, const std::string& text, double tolerance,
                              const std::vector<Problem>& problems, const Make& make, const Compare& error) {
  if (!part) return nullptr;
  const std::string name = part->implementation();
  const auto same = [&](const Part& other) { return other.implementation() == name; };
  return is_right({pass, name, text}, tolerance, problems, make, same, error) ? std::move(part) : nullptr;
}

}  // namespace

double error_of(EngineInnerProduct& engine, const InnerProductProblem& p) {
  const OneThread thread;
  const long bottom = p.rows * p.inputs, top = p.rows * p.outputs, weights = p.inputs * p.outputs;
  const Buffer x = noise(bottom, 1), dy = noise(top, 2), w = noise(weights, 3), b = noise(p.outputs, 4);
  Buffer y(top), dx(bottom), dw(weights), db(p.outputs);
  const Use as_inputs = p.transpose ? Use::as_is : Use::transposed;
  const Use as_outputs = p.transpose ? Use::transposed : Use::as_is;
  if (p.bias) fill_channels(p.rows, p.outputs, 1, b.data(), y.data());
  gemm(Use::as_is, as_inputs, p.rows, p.outputs, p.inputs, 1, x.data(), w.data(), p.bias ? 1 : 0, y.data());
  finish_in_loops(p.finish, top, dy.data(), y.data());
  gemm(Use::as_is, as_outputs, p.rows, p.inputs, p.outputs, 1, dy.data(), w.data(), 0, dx.data());
  if (p.transpose) {
    gemm(Use::transposed, Use::as_is, p.inputs, p.outputs, p.rows, 1, x.data(), dy.data(), 0, dw.data());
  } else {
    gemm(Use::transposed, Use::as_is, p.outputs, p.inputs, p.rows, 1, dy.data(), x.data(), 0, dw.data());
  }
  sum_channels(p.rows, p.outputs, 1, dy.data(), 0, db.data());
  Guarded to_y(top), to_dx(bottom), to_dw(weights), to_db(p.outputs);
  thread.on_all([&] {
    engine.forward(x.data(), w.data(), 1, p.bias ? b.data() : nullptr, p.finish.add ? dy.data() : nullptr, to_y.data());
    engine.backward_data(dy.data(), w.data(), 1, to_dx.data());
    engine.backward_weights(x.data(), dy.data(), to_dw.data(), 0, p.bias ? to_db.data() : nullptr, 0);
  });
  const double error_b = p.bias ? error_of_result(to_db, db, p.outputs) : 0;
  return std::max({error_of_result(to_y, y, top), error_of_result(to_dx, dx, bottom),
                   error_of_result(to_dw, dw, weights), error_b});
}

double error_of(EnginePooling& engine, const PoolingProblem& p) {
  const OneThread thread;
  PlainPooling plain(p.method, p.x[0], p.x[1], p.h, p.w);
  const Shape top{p.x[0], p.x[1], p.h.out, p.w.out};
  const Buffer x = noise(p.x.count(), 1), dy = noise(top.count(), 2);
  Buffer y(top.count()), dx(p.x.count());
  plain.forward(x.data(), y.data(), plain.record_count());
  plain.backward(dy.data(), plain.record_count(), false, dx.data());
  const long bottom_storage = storage_count(p.x, p.layout), top_storage = storage_count(top, p.layout);
  Buffer from(bottom_storage), from_top(top_storage), result(std::max(p.x.count(), top.count()));
  Reorder(p.x, Layout::plain, p.layout).run(x.data(), from.data());
  Reorder(top, Layout::plain, p.layout).run(dy.data(), from_top.data());
  Guarded to(top_storage), to_bottom(bottom_storage);
  thread.on_all([&] {
    engine.forward(from.data(), to.data());
    engine.backward(from_top.data(), to_bottom.data());
  });
  if (!to.intact() || !to_bottom.intact()) return kInfinite;
  Reorder(top, p.layout, Layout::plain).run(to.data(), result.data());
  const double error = difference(result.data(), y.data(), top.count());
  Reorder(p.x, p.layout, Layout::plain).run(to_bottom.data(), result.data());
  return std::max(error, difference(result.data(), dx.data(), p.x.count()));
}

double error_of_sum(EngineCombine& engine, long count, std::span<const real> coeff) {
  std::vector<Buffer> x;
  Buffer expected(count);
  for (size_t k = 0; k < coeff.size(); ++k) {
    x.push_back(noise(count, static_cast<uint32_t>(k)));
    axpy(count, coeff[k], x.back().data(), expected.data());
  }
  return error_of_combine(engine, x, expected);
}

double error_of_concat(EngineCombine& engine, long rows, std::span<const long> lengths) {
  std::vector<Buffer> x;
  long sum = 0;
  for (const long length : lengths) {
    x.push_back(noise(rows * length, static_cast<uint32_t>(x.size())));
    sum += length;
  }
  Buffer expected(rows * sum);
  real* to = expected.data();
  for (long row = 0; row < rows; ++row) {
    for (size_t k = 0; k < x.size(); ++k) to = std::copy_n(x[k].data() + row * lengths[k], lengths[k], to);
  }
  return error_of_combine(engine, x, expected);
}

double error_of(EngineSteps& engine, const StepsProblem& p) {
  const OneThread thread;
  const auto run = [&](long part, const real* x, real* y) {
    if (p.rows.size() > 1) return engine.run(part, x, y);
    thread.on_all([&] { engine.run(part, x, y); });
  };
  const Buffer w = noise(p.inputs * p.outputs, 1);
  engine.prepare(w.data(), 1);
  double error = 0;
  for (size_t part = 0; part < p.rows.size(); ++part) {
    const long rows = p.rows[part], count = rows * p.outputs;
    const Buffer x = noise(rows * p.inputs, 2);
    Buffer y = noise(count, 3);
    Guarded to_y(count);
    std::copy_n(y.data(), count, to_y.data());
    gemm(Use::as_is, p.transpose ? Use::as_is : Use::transposed, rows, p.outputs, p.inputs, 1, x.data(), w.data(),
         p.add ? 1 : 0, y.data());
    run(static_cast<long>(part), x.data(), to_y.data());
    error = std::max(error, error_of_result(to_y, y, count));
  }
  return error;
}

std::unique_ptr<EngineInnerProduct> checked_inner_product(const InnerProductProblem& p) {
  const auto problems = samples(p);
  const auto error = [](EngineInnerProduct& part, const InnerProductProblem& q) { return error_of(part, q); };
  return checked(EngineInnerProduct::create(p), "inner product", text_of(problems[0]), tolerance_of(p.precision),
                 problems, EngineInnerProduct::create, error);
}

std::unique_ptr<EnginePooling> checked_pooling(const PoolingProblem& p) {
  auto part = make(p);
  if (!part) return nullptr;
  const auto problems = samples(p);
  const auto error = [](EnginePooling& other, const PoolingProblem& q) { return error_of(other, q); };
  return checked(std::move(part), p.method == PoolingMethod::maximum ? "maximum pooling" : "average pooling",
                 text_of(problems[0]), tolerance_of(Precision::f32), problems, make, error);
}

std::unique_ptr<EngineCombine> checked_sum(long count, std::span<const real> coeff) {
  const bool weighted = std::any_of(coeff.begin(), coeff.end(), [](real c) { return c != 1; });
  const long few = few_numbers(count);
  const auto text = fmt::format("{}{} arrays of {}, {}", coeff.size(), weighted ? " weighted" : "", few, threads());
  const auto make = [&](long n) { return EngineCombine::sum(n, coeff); };
  const auto error = [&](EngineCombine& part, long n) { return error_of_sum(part, n, coeff); };
  return checked(make(count), "sum", text, tolerance_of(Precision::f32), std::vector<long>{few}, make, error);
}

std::unique_ptr<EngineCombine> checked_concat(long rows, std::span<const long> lengths) {
  std::vector<long> few;
  for (const long length : lengths) few.push_back(few_channels(length));
  const std::string text = fmt::format("{} rows of {}, {}", few_records(rows), fmt::join(few, "+"), threads());
  const auto make = [&](long n) { return EngineCombine::concat(n, few); };
  const auto error = [&](EngineCombine& part, long n) { return error_of_concat(part, n, few); };
  return checked(EngineCombine::concat(rows, lengths), "concat", text, tolerance_of(Precision::f32),
                 std::vector<long>{few_records(rows)}, make, error);
}

std::unique_ptr<EngineSteps> checked_steps(const StepsProblem& p) {
  StepsProblem small = p;
  small.inputs = few_channels(p.inputs);
  small.outputs = few_channels(p.outputs);
  for (long& rows : small.rows) rows = few_channels(rows);
  const auto error = [](EngineSteps& part, const StepsProblem& q) { return error_of(part, q); };
  return checked(EngineSteps::create(p), "products of steps", text_of(small), tolerance_of(Precision::f32),
                 std::vector<StepsProblem>{small}, EngineSteps::create, error);
}

}  // namespace crema
