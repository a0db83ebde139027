// What LMDB and LevelDB have in common: Datum messages under keys, records counted in the order of the keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/record_source.h"

namespace crema {

// Turns `datum` into a record; moves its bytes. Throws Error unless the sizes are positive and match the number of
// values.
void datum_to_record(Datum* datum, const Decoding& decoding, Record* record);

class DatumSource : public RecordSource {
 public:
  uint64_t size() const override { return keys_.size(); }
  void read(uint64_t i, Record* record) override;
  std::string name(uint64_t i) const override;

 protected:
  explicit DatumSource(const Decoding& decoding) : decoding_(decoding) {}

  // The value under a key, valid until the next call. Throws Error.
  virtual std::string_view fetch(const std::string& key) = 0;

  std::vector<std::string> keys_;

 private:
  Decoding decoding_;
  Datum datum_;
};

}  // namespace crema
