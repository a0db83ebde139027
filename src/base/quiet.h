// Silences libraries that print messages about their input.
#pragma once

#include <functional>

namespace crema {

// Runs `work` and waits for it. Everything that it prints to the descriptors 1 and 2 is dropped; other threads' output
// is not. Rethrows what `work` throws. `work` may open files only if it closes them.
//
// It runs on a thread with its own table of descriptors, in which 1 and 2 lead to nothing. So other threads see no
// change, no lock is needed, and the library need not offer a way to silence it (libpng and libjpeg within OpenCV offer
// none). Each thread that calls gets one such thread, since starting one takes longer than decoding a small image.
void quietly(const std::function<void()>& work);

}  // namespace crema
