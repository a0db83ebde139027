// The one scalar type. Programs compute in float; the core is compiled a second time with double for the gradient
// checks.
#pragma once

namespace crema {

#ifdef CREMA_DOUBLE
using real = double;
#else
using real = float;
#endif

}  // namespace crema
