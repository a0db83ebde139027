// Errors that a user can cause. Everything in src/ reports them by throwing Error; nothing exits or aborts.
//
// The message is one line that says what was expected and what was found. Callers that know the place add it in
// front: a layer says what is wrong with its input, Net adds file, line and layer (see config/source.h).
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace crema {

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}

  template <typename... Args>
  explicit Error(fmt::format_string<Args...> format, Args&&... args)
      : std::runtime_error(fmt::format(format, std::forward<Args>(args)...)) {}
};

// Throws Error with the formatted message unless `condition` holds.
template <typename... Args>
void check(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) throw Error(fmt::format(format, std::forward<Args>(args)...));
}

// `text` as a terminal may show it: control characters, and bytes that are no UTF-8, become "\x1B". Names in files may
// hold any.
std::string printable(std::string_view text);

}  // namespace crema
