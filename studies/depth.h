// How the size of activations and gradients depends on depth: layers of ReLU units on the embedded part of MNIST.
#pragma once

#include <string>
#include <vector>

namespace crema {

struct DepthOptions {
  double variance = 2;          // weights: normal with variance `variance` / n, n the layer's inputs
  std::string normalization{};  // the layer after each inner product, as text without name, bottom and top; "": none
  int layers = 50, width = 100;
  int iterations = 100;
  float rate = 0.003f;
};

// By layer, from the first: the mean over the images of the activations' L2 norm, the L2 norm of the weights' gradient.
struct Norms {
  std::vector<double> activations, gradients;
};

struct DepthResult {
  Norms before, after;
  std::vector<double> losses;  // by iteration
};

// Builds the net and trains it by SGD with momentum 0.9, 100 images an iteration. Nothing stops it at a NaN.
DepthResult train_deep(const DepthOptions& options);

}  // namespace crema
