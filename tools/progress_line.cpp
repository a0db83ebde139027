#include "progress_line.h"

#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "base/file.h"
#include "base/log.h"

namespace crema {

// Stands before the log's own sink and makes room for each of its lines.
class LineEraser final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void draw(const std::string& line) {
    const std::lock_guard<std::mutex> lock(mutex_);
    print_error(fmt::format("\r{}\033[K", line));
    drawn_ = true;
  }
  void erase() {
    const std::lock_guard<std::mutex> lock(mutex_);
    clear();
  }

 protected:
  void sink_it_(const spdlog::details::log_msg&) override { clear(); }
  void flush_() override {}

 private:
  void clear() {
    if (drawn_) print_error("\r\033[K");
    drawn_ = false;
  }
  bool drawn_ = false;
};

namespace {

std::string duration(double seconds) {
  const long s = static_cast<long>(seconds + 0.5);
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

}  // namespace

bool ProgressLine::possible() { return ::isatty(STDERR_FILENO) != 0; }

ProgressLine::ProgressLine() : eraser_(std::make_shared<LineEraser>()) {
  auto& sinks = spdlog::default_logger()->sinks();
  sinks.insert(sinks.begin(), eraser_);
}

ProgressLine::~ProgressLine() {
  eraser_->erase();
  auto& sinks = spdlog::default_logger()->sinks();
  sinks.erase(std::remove(sinks.begin(), sinks.end(), eraser_), sinks.end());
}

void ProgressLine::show(const Progress& p) {
  const Clock::time_point now = Clock::now();
  if (start_iteration_ < 0) {  // the first iteration also allocates; what follows tells the speed
    start_iteration_ = p.iteration;
    start_seconds_ = p.seconds;
    start_ = now;
  }
  if (now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  std::string line = fmt::format("iteration {}/{}  loss {:.4g}  lr {:.4g}", p.iteration, p.max_iter, p.loss, p.rate);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const int done = p.iteration - start_iteration_;
  if (done > 0) {
    const double computing = p.seconds - start_seconds_;  // without tests and snapshots
    if (p.items > 0 && computing > 0) {
      line += fmt::format("  {:.0f} images/s", static_cast<double>(p.items) * done / computing);
    }
    line += fmt::format("  {} left", duration(seconds / done * (p.max_iter - p.iteration)));
  }
  eraser_->draw(line);
}

}  // namespace crema
