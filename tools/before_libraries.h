// Checks that run before the constructors of the linked libraries, which run before main(). With a wrong environment,
// these constructors print lines of their own, or never end.
#pragma once

namespace crema {

// A variable that OpenMP does not understand. It has been removed from the environment.
struct BadVariable {
  const char* text = nullptr;  // NAME=VALUE; null: there was none
  const char* expected = nullptr;
};

BadVariable bad_openmp_variable();

}  // namespace crema
