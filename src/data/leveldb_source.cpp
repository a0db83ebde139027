// Records in a LevelDB database.
#include "base/error.h"
#include "data/datum_source.h"

#ifdef CREMA_WITH_LEVELDB
#include <leveldb/db.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <mutex>

namespace crema {
namespace {

// Open databases by folder. LevelDB's lock allows a folder to be opened only once, but a train and a test net may read
// the same folder.
struct OpenDatabases {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<leveldb::DB>> by_folder;
};

OpenDatabases& open_databases() {
  static OpenDatabases databases;
  return databases;
}

void check_folder(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  check(fs::is_directory(path, ignored), "{}: is a file; a LevelDB database is a folder (is backend: IDX meant?)",
        path);
  check(!fs::exists(path + "/data.mdb", ignored), "{}: is an LMDB database; set backend: LMDB", path);
  check(fs::exists(path + "/CURRENT", ignored), "{}: is not a LevelDB database: there is no file CURRENT in it", path);
  check(::eaccess(path.c_str(), W_OK) == 0,
        "{}: no permission to write, which LevelDB needs even for reading (lock, log): use a copy of the folder", path);
}

std::shared_ptr<leveldb::DB> open_database(const std::string& path) {
  check_folder(path);
  OpenDatabases& databases = open_databases();
  const std::lock_guard lock(databases.mutex);
  auto& entry = databases.by_folder[std::filesystem::canonical(path).string()];
  if (auto database = entry.lock()) return database;
  leveldb::Options options;
  options.paranoid_checks = true;
  leveldb::DB* opened = nullptr;
  const leveldb::Status status = leveldb::DB::Open(options, path, &opened);
  check(status.ok(), "{}: cannot be opened as a LevelDB database: {}", path, status.ToString());
  std::shared_ptr<leveldb::DB> database(opened);
  entry = database;
  return database;
}

leveldb::ReadOptions checked_reads() {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  return options;
}

class LeveldbSource final : public DatumSource {
 public:
  LeveldbSource(const std::string& path, const Decoding& decoding)
      : DatumSource(decoding), database_(open_database(path)) {
    leveldb::ReadOptions options = checked_reads();
    options.fill_cache = false;
    const std::unique_ptr<leveldb::Iterator> entry(database_->NewIterator(options));
    for (entry->SeekToFirst(); entry->Valid(); entry->Next()) keys_.push_back(entry->key().ToString());
    check(entry->status().ok(), "{}: damaged: {}", path, entry->status().ToString());
    check(!keys_.empty(), "{}: the LevelDB database is empty", path);
  }

 private:
  std::string_view fetch(const std::string& key) override {
    const leveldb::Status status = database_->Get(checked_reads(), key, &value_);
    check(status.ok(), "cannot be read: {}", status.ToString());
    return value_;
  }

  std::shared_ptr<leveldb::DB> database_;
  std::string value_;
};

}  // namespace

std::unique_ptr<RecordSource> open_leveldb(const std::string& path, const Decoding& decoding) {
  return std::make_unique<LeveldbSource>(path, decoding);
}

}  // namespace crema
#else
namespace crema {

std::unique_ptr<RecordSource> open_leveldb(const std::string& path, const Decoding&) {
  throw Error("{}: this build reads no LevelDB databases: they were left out (CMake option CREMA_LEVELDB)", path);
}

}  // namespace crema
#endif
