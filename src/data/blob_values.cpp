#include "data/blob_values.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "model.pb.h"

namespace crema {
namespace {

struct Raw {
  RawBlob::Type type = RawBlob::default_instance().raw_data_type();
  std::string_view bytes;
};

// Protobuf keeps fields that the schema does not have. The raw bytes are among them.
Raw raw_of(const BlobProto& proto) {
  Raw raw;
  const auto& fields = proto.GetReflection()->GetUnknownFields(proto);
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    if (field.number() == RawBlob::kRawDataFieldNumber &&
        field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      raw.bytes = field.length_delimited();
    } else if (field.number() == RawBlob::kRawDataTypeFieldNumber && field.type() == field.TYPE_VARINT) {
      const auto number = static_cast<int>(field.varint());
      check(RawBlob::Type_IsValid(number), "raw_data of the unknown type {}", number);
      raw.type = static_cast<RawBlob::Type>(number);
    }
  }
  return raw;
}

size_t size_of(RawBlob::Type type) {
  switch (type) {
    case RawBlob::DOUBLE:
      return 8;
    case RawBlob::FLOAT:
      return 4;
    case RawBlob::FLOAT16:
      return 2;
    default:
      throw Error("raw_data of type {}; FLOAT, FLOAT16 and DOUBLE are read", RawBlob::Type_Name(type));
  }
}

// IEEE 754 binary16: a sign, 5 bits of exponent, 10 of mantissa.
float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half >> 15) << 31, exponent = half >> 10 & 31u, mantissa = half & 1023u;
  if (exponent == 0) {  // below the normal numbers: mantissa * 2^-24
    const float value = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -value : value;
  }
  const uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

template <typename From, typename To, typename Convert>
void copy_raw(std::string_view bytes, To* to, Convert convert) {
  static_assert(std::endian::native == std::endian::little);
  for (size_t at = 0; at + sizeof(From) <= bytes.size(); at += sizeof(From)) {
    From value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    *to++ = static_cast<To>(convert(value));
  }
}

template <typename To>
void copy_any(const BlobProto& proto, To* to) {
  const auto same = [](auto value) { return value; };
  if (proto.double_data_size() > 0) {
    std::copy(proto.double_data().begin(), proto.double_data().end(), to);
  } else if (proto.data_size() > 0) {
    std::copy(proto.data().begin(), proto.data().end(), to);
  } else if (const Raw raw = raw_of(proto); raw.type == RawBlob::DOUBLE) {
    copy_raw<double>(raw.bytes, to, same);
  } else if (raw.type == RawBlob::FLOAT) {
    copy_raw<float>(raw.bytes, to, same);
  } else {
    copy_raw<uint16_t>(raw.bytes, to, half_to_float);
  }
}

}  // namespace

long value_count(const BlobProto& proto) {
  if (proto.double_data_size() > 0) return proto.double_data_size();
  if (proto.data_size() > 0) return proto.data_size();
  const Raw raw = raw_of(proto);
  if (raw.bytes.empty()) return 0;
  const size_t size = size_of(raw.type);
  check(raw.bytes.size() % size == 0, "raw_data of {} bytes, which are no whole number of {} values", raw.bytes.size(),
        RawBlob::Type_Name(raw.type));
  return static_cast<long>(raw.bytes.size() / size);
}

void copy_values(const BlobProto& proto, float* to) { copy_any(proto, to); }
void copy_values(const BlobProto& proto, double* to) { copy_any(proto, to); }

}  // namespace crema
