// Progress and warnings, by spdlog. Lines carry glog's prefix ("I0123 12:34:56.123456 4711 file.cpp:12] "), which the
// log parsers that grew around Caffe expect. Where stderr is a terminal, the prefix is left out.
#pragma once

#include <spdlog/spdlog.h>

namespace crema {

// Sends log lines to stderr in the form above, with control characters escaped. A program calls this once, before it
// opens files. It also opens standard descriptors that are closed: otherwise the log would go into the first file that
// the program opens. Libraries log through spdlog's default logger.
void set_up_log();

}  // namespace crema

#define CREMA_INFO(...) SPDLOG_LOGGER_CALL(::spdlog::default_logger_raw(), ::spdlog::level::info, __VA_ARGS__)
#define CREMA_WARN(...) SPDLOG_LOGGER_CALL(::spdlog::default_logger_raw(), ::spdlog::level::warn, __VA_ARGS__)
#define CREMA_ERROR(...) SPDLOG_LOGGER_CALL(::spdlog::default_logger_raw(), ::spdlog::level::err, __VA_ARGS__)
