// The messages of errors and warnings.
#pragma once

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <memory>
#include <sstream>
#include <string>

#include "base/error.h"

namespace crema {

// The message of the Error that `action` throws; "no error" if it throws none.
inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// What is logged while `action` runs, a line each, without prefixes.
inline std::string log_of(const std::function<void()>& action) {
  std::ostringstream lines;
  auto logger = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
  logger->set_pattern("%v");
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(logger);
  action();
  spdlog::set_default_logger(before);
  return lines.str();
}

}  // namespace crema
