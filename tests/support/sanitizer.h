// Whether the tests are compiled with the address sanitizer. It has its own malloc, which ends the process if memory
// runs out, and it does not allow libraries to be loaded before it. GCC and Clang indicate the sanitizer in different
// ways.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CREMA_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CREMA_ADDRESS_SANITIZER
#endif
