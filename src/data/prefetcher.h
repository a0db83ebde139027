// Batches that a thread in the background prepares ahead of their use.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace crema {

struct Batch {
  std::vector<float> data;
  std::vector<float> labels;
};

class Prefetcher {
 public:
  // Fills `batch` (whose old contents are those of some earlier batch) with the records from `position` on.
  using Prepare = std::function<void(uint64_t position, Batch* batch)>;

  // `step`: records a batch. `depth`: batches held ready; with 0, get() prepares the batch itself. `prepare` is called
  // by one thread at a time.
  Prefetcher(uint64_t step, size_t depth, Prepare prepare);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // The batch at `position`; then position + step, + 2 * step, ... are prepared ahead. Asking for any other than the
  // next one is allowed and drops what was prepared. Rethrows what `prepare` threw for this batch (not what it threw
  // for a later one).
  void get(uint64_t position, Batch* batch);

  size_t depth() const { return depth_; }

 private:
  void start(uint64_t position);
  void stop();
  void run(uint64_t position);

  const uint64_t step_;
  const size_t depth_;
  const Prepare prepare_;
  uint64_t next_ = 0;  // position of the first batch that was not handed out yet

  std::mutex mutex_;  // guards what follows
  std::condition_variable ready_, wanted_;
  std::deque<Batch> batches_;
  std::vector<Batch> spare_;  // used ones, for their memory
  std::exception_ptr error_;  // of the batch after those in batches_
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace crema
