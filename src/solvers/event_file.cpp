#include "solvers/event_file.h"

#include <algorithm>
#include <cmath>

#include "base/crc32c.h"

namespace crema {
namespace {

constexpr size_t kLength = 8, kCrc = 4;

uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

void append(std::string* bytes, uint64_t number, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes->push_back(static_cast<char>(number >> (8 * i) & 0xff));
}

uint64_t number_at(std::string_view bytes, size_t at, size_t size) {
  uint64_t number = 0;
  for (size_t i = 0; i < size; ++i) number |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return number;
}

}  // namespace

std::string event_record(const tensorboard::Event& event) {
  const std::string message = event.SerializeAsString();
  std::string record;
  append(&record, message.size(), kLength);
  append(&record, masked_crc(record), kCrc);
  record += message;
  append(&record, masked_crc(message), kCrc);
  return record;
}

std::vector<tensorboard::Event> read_events(std::string_view bytes) {
  std::vector<tensorboard::Event> events;
  while (bytes.size() >= kLength + 2 * kCrc) {
    const uint64_t length = number_at(bytes, 0, kLength);
    if (number_at(bytes, kLength, kCrc) != masked_crc(bytes.substr(0, kLength))) break;
    if (length > bytes.size() - kLength - 2 * kCrc) break;
    const std::string_view message = bytes.substr(kLength + kCrc, length);
    if (number_at(bytes, kLength + kCrc + length, kCrc) != masked_crc(message)) break;
    tensorboard::Event event;
    if (!event.ParseFromArray(message.data(), static_cast<int>(message.size()))) break;
    events.push_back(std::move(event));
    bytes.remove_prefix(kLength + 2 * kCrc + length);
  }
  return events;
}

tensorboard::Event first_event(double wall_time) {
  tensorboard::Event event;
  event.set_wall_time(wall_time);
  event.set_file_version("brain.Event:2");
  return event;
}

tensorboard::HistogramProto histogram(const real* values, long count, double scale) {
  constexpr int kBuckets = 40;
  double least = INFINITY, greatest = -INFINITY, sum = 0, squares = 0, number = 0;
  for (long i = 0; i < count; ++i) {
    const double x = static_cast<double>(values[i]) * scale;
    if (!std::isfinite(x)) continue;
    least = std::min(least, x);
    greatest = std::max(greatest, x);
    sum += x;
    squares += x * x;
    ++number;
  }
  tensorboard::HistogramProto result;
  result.set_num(number);
  if (number == 0) return result;
  result.set_min(least);
  result.set_max(greatest);
  result.set_sum(sum);
  result.set_sum_squares(squares);
  const double width = (greatest - least) / kBuckets;
  const bool spread = width > 0 && std::isfinite(width);
  std::vector<double> buckets(spread ? kBuckets : 1);
  for (long i = 0; i < count; ++i) {
    const double x = static_cast<double>(values[i]) * scale;
    if (!std::isfinite(x)) continue;
    const auto bucket = spread ? static_cast<size_t>((x - least) / width) : 0;
    ++buckets[std::min(bucket, buckets.size() - 1)];
  }
  for (size_t b = 0; b < buckets.size(); ++b) {
    const bool last = b + 1 == buckets.size();
    result.add_bucket_limit(last ? greatest : least + width * static_cast<double>(b + 1));
    result.add_bucket(buckets[b]);
  }
  return result;
}

}  // namespace crema
