#include "before_libraries.h"

#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string_view>

// This code may use only system calls and the stack, since the C++ library has not started yet.
namespace crema {
namespace {

constexpr rlim_t kLeast = 735'000'000;

BadVariable bad;

// Under a small limit of memory (ulimit -v), OpenBLAS asks for its buffers for ever.
void refuse_small_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur >= kLeast) return;
  constexpr std::string_view kText =
      "crema: the limit of memory is too small (ulimit -v): the program and its libraries take 735 MB of addresses\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(1);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

bool is_count(std::string_view text) {
  text = trimmed(text);
  return !text.empty() && text.size() <= 9 && text.find_first_not_of("0123456789") == std::string_view::npos &&
         text.find_first_not_of('0') != std::string_view::npos;
}

// OpenMP takes one number for each level of nested parallel regions.
bool is_list_of_counts(std::string_view text) {
  for (size_t comma = text.find(','); comma != std::string_view::npos; comma = text.find(',')) {
    if (!is_count(text.substr(0, comma))) return false;
    text.remove_prefix(comma + 1);
  }
  return is_count(text);
}

bool is_policy(std::string_view text) {
  text = trimmed(text);
  const auto is = [&](std::string_view word) {
    return text.size() == word.size() && ::strncasecmp(text.data(), word.data(), word.size()) == 0;
  };
  return is("active") || is("passive");
}

// Removes wrong values of the variables that users set from the environment, and notes the first one.
void take_bad_variable(char** environment) {
  constexpr struct {
    std::string_view name;
    bool (*good)(std::string_view);
    const char* expected;
  } kVariables[] = {{"OMP_NUM_THREADS=", is_list_of_counts, "a number of threads, from 1"},
                    {"OMP_WAIT_POLICY=", is_policy, "active or passive"}};
  char** kept = environment;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    bool good = true;
    for (const auto& variable : kVariables) {
      const std::string_view text = *entry;
      if (!text.starts_with(variable.name) || variable.good(text.substr(variable.name.size()))) continue;
      good = false;
      if (bad.text == nullptr) bad = {*entry, variable.expected};
    }
    if (good) *kept++ = *entry;
  }
  *kept = nullptr;
}

void set_right(int, char**, char** environment) {
  refuse_small_limit();
  take_bad_variable(environment);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const before_libraries)(int, char**, char**) = set_right;

}  // namespace

BadVariable bad_openmp_variable() { return bad; }

}  // namespace crema
