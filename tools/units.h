// How numbers, bytes and times are written for people.
#pragma once

#include <string>

namespace crema {

std::string grouped(long number);         // "431,080"; not for negative ones
std::string short_number(double number);  // "2.293 M"; "0" for nothing
std::string bytes_text(long bytes);       // "12.30 MB", "1.25 GB": powers of 1000
std::string time_text(double ms);         // "3.933 ms", "12.35 s", "5:07 min", "2:03:10 h"
std::string clock_text(double seconds);   // "5:07", "2:03:10"

// `text` with line ends as spaces, and printable (base/error.h).
std::string one_line(std::string text);
// The same of an error's message. If names or values make it very long, its middle is left out.
std::string error_line(std::string text);

}  // namespace crema
