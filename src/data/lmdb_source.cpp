// Records in an LMDB database.
#include "base/error.h"
#include "data/datum_source.h"

#ifdef CREMA_WITH_LMDB
#include <lmdb.h>

#include <filesystem>

#include "base/file.h"
#include "data/lmdb_pages.h"

namespace crema {
namespace {

class LmdbSource final : public DatumSource {
 public:
  LmdbSource(const std::string& path, const Decoding& decoding) : DatumSource(decoding) {
    std::error_code ignored;
    const bool folder = std::filesystem::is_directory(path, ignored);
    check(!folder || !std::filesystem::exists(path + "/CURRENT", ignored),
          "{}: is a LevelDB database; set backend: LEVELDB", path);
    const std::string data = folder ? path + "/data.mdb" : path;
    check_regular(data);
    keys_ = lmdb_keys(data);
    check(!keys_.empty(), "{}: the LMDB database is empty", path);
    try {
      open(data);
    } catch (const Error& error) {
      throw Error("{}: cannot be opened as an LMDB database: {}", path, error.what());
    }
  }

 private:
  struct Close {
    void operator()(MDB_env* environment) const { mdb_env_close(environment); }
    void operator()(MDB_txn* transaction) const { mdb_txn_abort(transaction); }
  };

  static void expect(int code) { check(code == MDB_SUCCESS, "{}", mdb_strerror(code)); }

  // Opens without a lock file, so that folders and file systems without write permission work. The transaction is tied
  // to no thread, since the thread that reads batches ahead did not open it.
  void open(const std::string& data) {
    MDB_env* environment = nullptr;
    expect(mdb_env_create(&environment));
    environment_.reset(environment);
    // The map's size in the file may be a terabyte; the file's own size is enough.
    expect(mdb_env_set_mapsize(environment, std::filesystem::file_size(data)));
    expect(mdb_env_open(environment, data.c_str(), MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS | MDB_NOSUBDIR, 0));
    MDB_txn* transaction = nullptr;
    expect(mdb_txn_begin(environment, nullptr, MDB_RDONLY, &transaction));
    transaction_.reset(transaction);
    expect(mdb_dbi_open(transaction, nullptr, 0, &database_));
  }

  std::string_view fetch(const std::string& key) override {
    MDB_val name{key.size(), const_cast<char*>(key.data())}, value{};
    expect(mdb_get(transaction_.get(), database_, &name, &value));
    return {static_cast<const char*>(value.mv_data), value.mv_size};
  }

  std::unique_ptr<MDB_env, Close> environment_;
  std::unique_ptr<MDB_txn, Close> transaction_;  // declared after the environment, so that it is closed before it
  MDB_dbi database_ = 0;
};

}  // namespace

std::unique_ptr<RecordSource> open_lmdb(const std::string& path, const Decoding& decoding) {
  return std::make_unique<LmdbSource>(path, decoding);
}

}  // namespace crema
#else
namespace crema {

std::unique_ptr<RecordSource> open_lmdb(const std::string& path, const Decoding&) {
  throw Error("{}: this build reads no LMDB databases: they were left out (CMake option CREMA_LMDB)", path);
}

}  // namespace crema
#endif
