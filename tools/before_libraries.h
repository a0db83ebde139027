// What is set right before the libraries start that the program is linked with. Their constructors run before main(),
// print lines of their own, and some never end.
#pragma once

namespace crema {

// A variable of the environment that OpenMP would not have understood. It has been taken away.
struct BadVariable {
  const char* text = nullptr;  // NAME=VALUE; null: there was none
  const char* expected = nullptr;
};

BadVariable bad_openmp_variable();

}  // namespace crema
