// Loops over the elements of several arrays, large and small, as if they were one: the threads are woken once.
#pragma once

#include <algorithm>
#include <vector>

#include "base/parallel.h"

namespace crema {

// Calls body(k, begin, end) for ranges that cover the elements of each array k, of counts[k] elements. Where ranges end
// depends on the threads. `cost`: see parallel_for.
template <typename Body>
void for_arrays(const std::vector<long>& counts, long cost, const Body& body) {
  constexpr long kLine = 16;  // elements of a cache line, which no two threads should write
  long lines = 0;
  for (const long count : counts) lines += (count + kLine - 1) / kLine;
  parallel_for(lines, kLine * cost, [&](long begin, long end) {
    long first = 0;  // line of array k
    for (size_t k = 0; k < counts.size() && first < end; ++k) {
      const long own = (counts[k] + kLine - 1) / kLine, from = std::max(0L, begin - first),
                 to = std::min(own, end - first);
      if (from < to) body(k, from * kLine, std::min(counts[k], to * kLine));
      first += own;
    }
  });
}

// The sum over all elements of term(k, i), added in an order that does not depend on the threads: sum(k, begin, end) is
// that of a range.
template <typename Sum>
double sum_arrays(const std::vector<long>& counts, long cost, const Sum& sum) {
  constexpr long kPart = 16384;
  struct Part {
    size_t array;
    long begin;
    double sum;
  };
  std::vector<Part> parts;
  for (size_t k = 0; k < counts.size(); ++k) {
    for (long begin = 0; begin < counts[k]; begin += kPart) parts.push_back({k, begin, 0});
  }
  long count = 0;
  for (const long n : counts) count += n;
  const long n = static_cast<long>(parts.size());
  parallel_for(n, n == 0 ? 0 : count / n * cost, [&](long begin, long end) {
    for (long p = begin; p < end; ++p) {
      Part& part = parts[p];
      part.sum = sum(part.array, part.begin, std::min(counts[part.array], part.begin + kPart));
    }
  });
  double total = 0;
  for (const Part& part : parts) total += part.sum;
  return total;
}

}  // namespace crema
