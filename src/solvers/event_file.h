// TensorBoard's event file: records of an Event message each, as TFRecord frames them:
//   length (8 bytes) · masked CRC-32C of those · message · masked CRC-32C of it (4 bytes each, little-endian)
// mask(crc) = ((crc >> 15) | (crc << 17)) + 0xa282ead8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "math/real.h"
#include "tensorboard.pb.h"

namespace crema {

// One record's bytes.
std::string event_record(const tensorboard::Event& event);

// The events in a file's bytes, up to the first record that is cut off or damaged.
std::vector<tensorboard::Event> read_events(std::string_view bytes);

// Every event file's first event.
tensorboard::Event first_event(double wall_time);

// A histogram of `count` values times `scale`, in 40 buckets of equal width from the least to the greatest; values that
// are not finite are left out.
tensorboard::HistogramProto histogram(const real* values, long count, double scale);

}  // namespace crema
