#include "data/datum_source.h"

#include <climits>

#include "base/error.h"
#include "data/image.h"

namespace crema {
namespace {

// Whether `count` values are C x H x W. By division, since the product may not fit into 64 bits.
bool holds(uint64_t count, const Datum& datum) {
  const auto h = static_cast<uint64_t>(datum.height()), w = static_cast<uint64_t>(datum.width());
  return count % (h * w) == 0 && count / (h * w) == static_cast<uint64_t>(datum.channels());
}

}  // namespace

void datum_to_record(Datum* datum, const Decoding& decoding, Record* record) {
  record->label = datum->label();
  if (datum->encoded()) return decode_image(datum->data(), decoding, record);
  record->channels = datum->channels();
  record->height = datum->height();
  record->width = datum->width();
  record->decoded = false;
  record->floats.clear();
  record->bytes.clear();
  const bool bytes = !datum->data().empty();
  const uint64_t count = bytes ? datum->data().size() : static_cast<uint64_t>(datum->float_data_size());
  const bool positive = datum->channels() > 0 && datum->height() > 0 && datum->width() > 0;
  check(positive && holds(count, *datum), "{} {}, but channels x height x width is {} x {} x {}", count,
        bytes ? "bytes" : "floats", datum->channels(), datum->height(), datum->width());
  if (bytes) {
    record->bytes.swap(*datum->mutable_data());
  } else {
    record->floats.assign(datum->float_data().begin(), datum->float_data().end());
  }
}

void DatumSource::read(uint64_t i, Record* record) {
  try {
    const std::string_view value = fetch(keys_[i]);
    check(value.size() <= INT_MAX && datum_.ParseFromArray(value.data(), static_cast<int>(value.size())),
          "not a Datum message ({} bytes)", value.size());
    datum_to_record(&datum_, decoding_, record);
  } catch (const Error& error) {
    throw Error("{}: {}", name(i), error.what());
  }
}

// Keys may hold any bytes; a message stays one line.
std::string DatumSource::name(uint64_t i) const {
  std::string key;
  for (const unsigned char c : std::string_view(keys_[i]).substr(0, 100)) {
    key += c >= ' ' && c < 127 ? std::string(1, static_cast<char>(c)) : fmt::format("\\x{:02x}", c);
  }
  return fmt::format("record {} (key \"{}\")", i, key);
}

}  // namespace crema
