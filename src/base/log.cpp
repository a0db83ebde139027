#include "base/log.h"

#include <fcntl.h>
#include <google/protobuf/stubs/common.h>
#include <google/protobuf/stubs/logging.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <memory>

#include "base/error.h"

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

// %v on one line, even if names in it contain line breaks.
class Text final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text = printable({message.payload.data(), message.payload.size()});
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override { return std::make_unique<Text>(); }
};

// Opens closed standard descriptors on /dev/null in the wrong direction. So no other file gets their numbers, and every
// use of them fails.
void open_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) != -1) continue;
    const int way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (::open("/dev/null", way) < 0) ::open("/", O_RDONLY | O_DIRECTORY);  // the lowest free number: this one
  }
}

// protobuf would print a line of its own for a file that it cannot read. crema reports the file itself.
void silence_protobuf() { google::protobuf::SetLogHandler(nullptr); }

}  // namespace

void set_up_log() {
  open_standard_descriptors();
  silence_protobuf();
  auto logger = std::make_shared<spdlog::logger>("crema", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<Severity>('*').add_flag<Text>('&');
  formatter->set_pattern(::isatty(STDERR_FILENO) ? "%&" : "%*%m%d %H:%M:%S.%f %t %s:%#] %&");
  logger->set_formatter(std::move(formatter));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace crema
