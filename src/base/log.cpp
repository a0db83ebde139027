#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <memory>

namespace crema {
namespace {

// %L as glog writes it: I, W, E, F.
class Severity final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    out.push_back(message.level >= spdlog::level::err ? 'E' : message.level == spdlog::level::warn ? 'W' : 'I');
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override { return std::make_unique<Severity>(); }
};

}  // namespace

void set_up_log() {
  auto logger = std::make_shared<spdlog::logger>("crema", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<Severity>('*');
  formatter->set_pattern(::isatty(STDERR_FILENO) ? "%v" : "%*%m%d %H:%M:%S.%f %t %s:%#] %v");
  logger->set_formatter(std::move(formatter));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace crema
