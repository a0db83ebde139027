#include "progress_line.h"

#include <spdlog/sinks/base_sink.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "base/file.h"
#include "base/log.h"
#include "units.h"

namespace crema {

namespace {

// Asked each time, since the window's size may change at any time.
size_t window_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// As many whole fields of the line as fit: half of a number would be another number. Two blanks separate fields.
std::string fitting(const std::string& line, size_t columns) {
  if (line.size() <= columns) return line;
  const size_t end = line.rfind("  ", columns);
  return line.substr(0, end == std::string::npos ? 0 : end);
}

}  // namespace

// A sink before the log's own one. It erases the progress line before each line of the log.
class LineEraser final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void draw(const std::string& line) {
    const std::lock_guard<std::mutex> lock(mutex_);
    // The last column stays empty, since some terminals would continue on the next line.
    print_error(fmt::format("\r{}\033[K", fitting(line, window_columns() - 1)));
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

bool ProgressLine::possible() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

ProgressLine::ProgressLine() : eraser_(std::make_shared<LineEraser>()) {
  auto& sinks = spdlog::default_logger()->sinks();
  sinks.insert(sinks.begin(), eraser_);
}

ProgressLine::~ProgressLine() {
  eraser_->erase();
  auto& sinks = spdlog::default_logger()->sinks();
  sinks.erase(std::remove(sinks.begin(), sinks.end(), eraser_), sinks.end());
}

bool ProgressLine::is_time() {
  const Clock::time_point now = Clock::now();
  if (now - shown_ < std::chrono::milliseconds(100)) return false;
  shown_ = now;
  return true;
}

void ProgressLine::show_share(const char* what, int done, int all) {
  if (start_iteration_ < 0) {
    start_iteration_ = done;
    start_ = Clock::now();
  }
  if (!is_time()) return;
  std::string line = fmt::format("{} {}/{}", what, done, all);
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  if (const int since = done - start_iteration_; since > 0) {
    line += fmt::format("  {} left", clock_text(seconds / since * (all - done)));
  }
  eraser_->draw(line);
}

void ProgressLine::show(const Progress& p) {
  const Clock::time_point now = Clock::now();
  if (start_iteration_ < 0) {  // the first iteration also allocates memory; later ones show the speed
    start_iteration_ = p.iteration;
    start_seconds_ = p.seconds;
    start_ = now;
  }
  if (!is_time()) return;
  std::string line = fmt::format("iteration {}/{}  loss {:.4g}  lr {:.4g}", p.iteration, p.max_iter, p.loss, p.rate);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const int done = p.iteration - start_iteration_;
  if (done > 0) {
    const double computing = p.seconds - start_seconds_;  // without tests and snapshots
    if (p.items > 0 && computing > 0) {
      line += fmt::format("  {:.0f} images/s", static_cast<double>(p.items) * done / computing);
    }
    line += fmt::format("  {} left", clock_text(seconds / done * (p.max_iter - p.iteration)));
  }
  eraser_->draw(line);
}

}  // namespace crema
