// Whether the tests are compiled with the address or the thread sanitizer. These have their own malloc, which ends the
// process if memory runs out, and they do not allow libraries to be loaded before them. GCC and Clang indicate the
// sanitizers in different ways.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CREMA_SANITIZER_MALLOC
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CREMA_SANITIZER_MALLOC
#endif
