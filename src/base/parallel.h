// Loops over all cores, on OpenMP: the one thread runtime, shared with oneDNN and OpenBLAS.
#pragma once

#include <algorithm>
#include <exception>

#include <omp.h>

namespace crema {

// A team of many more threads has no room for its stacks, and the OpenMP runtime would end the process.
inline constexpr int kMaxThreads = 4096;

// How many threads a ThreadScope of `threads` gives: kMaxThreads at most.
inline int threads_of(int threads) {
  if (threads > 0) return std::min(threads, kMaxThreads);
  const int set = omp_get_max_threads();  // set by OMP_NUM_THREADS or by the calling program
  return set <= kMaxThreads ? set : omp_get_num_procs();
}

// Within its lifetime, parallel regions that the calling thread opens use `threads` threads. 0 keeps the number that
// was set before; if that is more than kMaxThreads, there is one thread for each processor. The setting belongs to the
// calling thread; nothing global changes.
class ThreadScope {
 public:
  explicit ThreadScope(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads_of(threads)); }
  ~ThreadScope() { omp_set_num_threads(before_); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

// Work below this many elementary operations is done on the calling thread: waking a team costs a few microseconds.
inline constexpr long kParallelGrain = 16384;

// Calls body(begin, end) on disjoint ranges that cover [0, n), on all threads where n * cost reaches kParallelGrain.
// `cost`: elementary operations of one index. An exception thrown by body is rethrown here, after all threads have
// finished; if several are thrown, one of them is.
template <typename Body>
void parallel_for(long n, long cost, const Body& body) {
  const long worth = std::max(1L, n * std::max(1L, cost) / kParallelGrain);
  const int threads = static_cast<int>(std::min({static_cast<long>(omp_get_max_threads()), n, worth}));
  if (threads <= 1 || omp_in_parallel()) {
    if (n > 0) body(0L, n);
    return;
  }
  std::exception_ptr error;
#pragma omp parallel num_threads(threads)
  {
    const long team = omp_get_num_threads(), rank = omp_get_thread_num();
    try {
      const long begin = n * rank / team, end = n * (rank + 1) / team;
      if (begin < end) body(begin, end);
    } catch (...) {
#pragma omp critical(crema_parallel_error)
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace crema
