#include "data/record_source.h"

#include "base/error.h"
#include "base/file.h"

namespace crema {

std::string RecordSource::name(uint64_t i) const { return fmt::format("record {}", i); }

std::unique_ptr<RecordSource> open_records(const DataParameter& config, const SourceOptions& options) {
  switch (config.backend()) {
    case DataParameter::IDX:
      return open_idx(config, options);
    case DataParameter::LMDB:
      return open_lmdb(find_beside(config.source(), options.file, "LMDB database"), options.decoding);
    case DataParameter::LEVELDB:
      return open_leveldb(find_beside(config.source(), options.file, "LevelDB database"), options.decoding);
  }
  throw Error("backend {} is unknown", static_cast<int>(config.backend()));
}

}  // namespace crema
