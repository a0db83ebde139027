// Whether the tests are compiled with the address sanitizer, which has a malloc of its own: it ends the process where
// memory cannot be had, and tolerates no library that is loaded before it. GCC and Clang tell it each in its own way.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CREMA_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CREMA_ADDRESS_SANITIZER
#endif
