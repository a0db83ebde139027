// Libraries that print what they think of their input.
#pragma once

#include <functional>

namespace crema {

// Runs `work` and waits for it. What it prints to the descriptors 1 and 2 is dropped, by whatever means it prints;
// other threads' output is not. Rethrows what it throws. `work` may open files only if it closes them.
//
// It runs on a thread with a table of descriptors of its own, in which 1 and 2 lead nowhere: so nothing is changed that
// others see, there is no lock, and no library is asked for a way to silence it (libpng and libjpeg within OpenCV have
// none). Each thread that calls gets one such thread, since starting one takes longer than decoding a small image.
void quietly(const std::function<void()>& work);

}  // namespace crema
