// The engine's parts. Each kernel is compared with the plain path before it is used (math/self_check.h). These
// functions return null if a kernel is wrong: the layer then takes its plain path. Otherwise they do the same as the
// parts' own create functions.
//
// A kernel is compared on a problem of the same class: the same windows, groups, layouts, precision, bias, finish and
// number of threads, channels that fill its last block to the same part, sizes that leave the same remainder; but few
// records, few channels and small images. If the engine would take another kernel for that problem, the kernel is
// compared on the original problem with fewer records. If that is too large, the kernel is trusted.
#pragma once

#include <memory>
#include <span>

#include "math/engine_convolution.h"
#include "math/engine_flat.h"
#include "math/engine_inner_product.h"
#include "math/engine_pooling.h"
#include "math/engine_steps.h"

namespace crema {

struct PoolingProblem {
  PoolingMethod method;
  Shape x;
  Layout layout;
  PoolingAxis h, w;
};

std::unique_ptr<EngineConvolution> checked_convolution(const ConvolutionProblem& problem,
                                                       const ConvolutionAlgorithms& algorithms = {});
std::unique_ptr<EngineInnerProduct> checked_inner_product(const InnerProductProblem& problem);
std::unique_ptr<EnginePooling> checked_pooling(const PoolingProblem& problem);
std::unique_ptr<EngineCombine> checked_sum(long count, std::span<const real> coeff);
std::unique_ptr<EngineCombine> checked_concat(long rows, std::span<const long> lengths);
std::unique_ptr<EngineSteps> checked_steps(const StepsProblem& problem);

// The comparisons: how far a part is off the plain path, relative to the largest value; infinite if it writes beyond an
// array or does not write all of it.
double error_of_forward(EngineConvolution& engine, const ConvolutionProblem& problem);
double error_of_backward_data(EngineConvolution& engine, const ConvolutionProblem& problem);
double error_of_backward_weights(EngineConvolution& engine, const ConvolutionProblem& problem);
double error_of(EngineInnerProduct& engine, const InnerProductProblem& problem);  // all passes
double error_of(EnginePooling& engine, const PoolingProblem& problem);            // both passes
double error_of_sum(EngineCombine& engine, long count, std::span<const real> coeff);
double error_of_concat(EngineCombine& engine, long rows, std::span<const long> lengths);
double error_of(EngineSteps& engine, const StepsProblem& problem);

// The small problem of a class.
ConvolutionProblem class_of(const ConvolutionProblem& problem);

}  // namespace crema
