// CRC-32C (Castagnoli), the checksum of iSCSI (RFC 3720), of TensorBoard's event files, and of models in solver states.
#pragma once

#include <cstdint>
#include <string_view>

namespace crema {

uint32_t crc32c(std::string_view bytes);

}  // namespace crema
