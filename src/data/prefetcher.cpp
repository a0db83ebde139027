#include "data/prefetcher.h"

#include <utility>

namespace crema {

Prefetcher::Prefetcher(uint64_t step, size_t depth, Prepare prepare)
    : step_(step), depth_(depth), prepare_(std::move(prepare)) {}

Prefetcher::~Prefetcher() { stop(); }

void Prefetcher::get(uint64_t position, Batch* batch) {
  if (depth_ == 0) return prepare_(position, batch);
  if (!thread_.joinable() || position != next_) start(position);
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [&] { return !batches_.empty() || error_ != nullptr; });
  if (batches_.empty()) {
    const std::exception_ptr error = error_;
    lock.unlock();
    stop();  // the next call starts anew, at its own position
    std::rethrow_exception(error);
  }
  std::swap(*batch, batches_.front());
  spare_.push_back(std::move(batches_.front()));
  batches_.pop_front();
  next_ += step_;
  wanted_.notify_one();
}

void Prefetcher::start(uint64_t position) {
  stop();
  next_ = position;
  thread_ = std::thread([this, position] { run(position); });
}

void Prefetcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_one();
  if (thread_.joinable()) thread_.join();
  for (Batch& batch : batches_) spare_.push_back(std::move(batch));
  batches_.clear();
  error_ = nullptr;
  stopping_ = false;
}

void Prefetcher::run(uint64_t position) {
  while (true) {
    Batch batch;
    {
      std::unique_lock lock(mutex_);
      wanted_.wait(lock, [&] { return batches_.size() < depth_ || stopping_; });
      if (stopping_) return;
      if (!spare_.empty()) {
        batch = std::move(spare_.back());
        spare_.pop_back();
      }
    }
    std::exception_ptr error;
    try {
      prepare_(position, &batch);
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    error_ = error;
    if (error == nullptr) batches_.push_back(std::move(batch));
    ready_.notify_one();
    if (error != nullptr) return;
    position += step_;
  }
}

}  // namespace crema
