// Records in LMDB and LevelDB databases.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "data/datum_source.h"
#include "data/record_source.h"
#include "support/data_files.h"
#include "support/messages.h"

#ifdef CREMA_WITH_LMDB
#include <lmdb.h>
#endif
#ifdef CREMA_WITH_LEVELDB
#include <leveldb/db.h>
#endif

namespace crema {
namespace {

namespace fs = std::filesystem;
using Entries = std::vector<std::pair<std::string, std::string>>;

const std::string kGolden = CREMA_TESTS_DIR "/golden/files/";

std::string datum(const std::string& text) { return parsed<Datum>(text).SerializeAsString(); }

std::unique_ptr<RecordSource> open(const std::string& backend, const std::string& path) {
  return open_records(parsed<DataParameter>("backend: " + backend + " source: '" + path + "'"), {});
}

// The error of opening a database and reading all of it.
std::string all_of(const std::string& backend, const std::string& path) {
  return message_of([&] {
    const auto source = open(backend, path);
    Record record;
    for (uint64_t i = 0; i < source->size(); ++i) source->read(i, &record);
  });
}

TEST(Datum, BecomesARecord) {
  Record record;
  auto bytes = parsed<Datum>("channels: 1 height: 1 width: 3 data: 'abc' label: -4 float_data: 1");
  datum_to_record(&bytes, Decoding{}, &record);
  EXPECT_EQ(record.bytes, "abc");
  EXPECT_EQ(record.label, -4);
  auto floats = parsed<Datum>("channels: 2 height: 1 width: 1 float_data: [0.5, -1]");
  datum_to_record(&floats, Decoding{}, &record);
  EXPECT_TRUE(record.bytes.empty());
  EXPECT_EQ(record.floats, (std::vector<float>{0.5, -1}));
  EXPECT_EQ(record.channels, 2);
}

TEST(Datum, Refuses) {
  const std::vector<std::pair<const char*, const char*>> rows = {
      {"channels: 1 height: 2 width: 2 data: 'abc'", "3 bytes, but channels x height x width is 1 x 2 x 2"},
      {"channels: 1 height: 1 width: 2 float_data: 1", "1 floats, but channels x height x width is 1 x 1 x 2"},
      {"data: 'abc'", "3 bytes, but channels x height x width is 0 x 0 x 0"},
      {"channels: 1 height: 1 width: 1", "0 floats, but channels x height x width is 1 x 1 x 1"},
      {"channels: -1 height: -1 width: 1 data: 'a'", "1 bytes, but channels x height x width is -1 x -1 x 1"},
      {"channels: 2147483647 height: 2147483647 width: 2147483647 data: 'a'",
       "1 bytes, but channels x height x width is 2147483647 x 2147483647 x 2147483647"},
#ifdef CREMA_WITH_OPENCV
      {"encoded: true data: 'no image'", "not an image file of a kind that is read: JPEG, PNG, BMP, WebP, TIFF or PNM"},
      {"encoded: true", "an image file of 0 bytes"},
#else
      {"encoded: true data: 'any'",
       "an image file, and this build cannot decode it: OpenCV was left out (CMake option CREMA_OPENCV)"},
#endif
  };
  for (const auto& [text, message] : rows) {
    auto bad = parsed<Datum>(text);
    Record record;
    EXPECT_EQ(message_of([&] { datum_to_record(&bad, Decoding{}, &record); }), message) << text;
  }
}

#ifdef CREMA_WITH_LMDB
// Writes with the library; `database`: a named one in it, or null.
std::string write_lmdb(const std::string& path, const Entries& entries, unsigned flags = 0,
                       const char* name = nullptr) {
  fs::create_directory(path);
  MDB_env* environment = nullptr;
  MDB_txn* transaction = nullptr;
  MDB_dbi database = 0;
  mdb_env_create(&environment);
  mdb_env_set_mapsize(environment, size_t{1} << 26);
  mdb_env_set_maxdbs(environment, 4);
  int code = mdb_env_open(environment, path.c_str(), MDB_NOSYNC, 0644);
  if (code == 0) code = mdb_txn_begin(environment, nullptr, 0, &transaction);
  if (code == 0) code = mdb_dbi_open(transaction, name, MDB_CREATE | flags, &database);
  for (const auto& [key, value] : entries) {
    MDB_val k{key.size(), const_cast<char*>(key.data())}, v{value.size(), const_cast<char*>(value.data())};
    if (code == 0) code = mdb_put(transaction, database, &k, &v, 0);
  }
  if (code == 0) code = mdb_txn_commit(transaction);
  mdb_env_close(environment);
  check(code == 0, "cannot write {}: {}", path, mdb_strerror(code));
  return path;
}
#endif

#ifdef CREMA_WITH_LEVELDB
std::string write_leveldb(const std::string& path, const Entries& entries) {
  leveldb::Options options;
  options.create_if_missing = true;
  leveldb::DB* database = nullptr;
  check(leveldb::DB::Open(options, path, &database).ok(), "cannot write {}", path);
  for (const auto& [key, value] : entries) database->Put({}, key, value);
  delete database;
  return path;
}
#endif

std::vector<std::string> backends() {
  std::vector<std::string> list;
#ifdef CREMA_WITH_LMDB
  list.push_back("LMDB");
#endif
#ifdef CREMA_WITH_LEVELDB
  list.push_back("LEVELDB");
#endif
  return list;
}

std::string write(const std::string& backend, const std::string& path, const Entries& entries) {
#ifdef CREMA_WITH_LMDB
  if (backend == "LMDB") return write_lmdb(path, entries);
#endif
#ifdef CREMA_WITH_LEVELDB
  if (backend == "LEVELDB") return write_leveldb(path, entries);
#endif
  throw Error("{} was left out of this build; {}", backend, entries.size());
}

TEST(Databases, RecordsComeInTheOrderOfTheirKeys) {
  for (const std::string& backend : backends()) {
    const TempFolder folder;
    Entries entries;
    for (int i = 2999; i >= 0; --i) {  // many pages, of several levels
      entries.emplace_back(fmt::format("{:08}", i),
                           datum(fmt::format("channels: 1 height: 1 width: 150 data: '{:0150}' label: {}", i, i)));
    }
    entries.emplace_back("99",
                         datum("channels: 1 height: 70 width: 100 data: '" + std::string(7000, 'x') + "' label: 3000"));
    const auto source = open(backend, write(backend, folder / "db", entries));
    ASSERT_EQ(source->size(), 3001u) << backend;
    Record record;
    for (const int i : {0, 1, 2, 2999, 17, 3000}) {
      source->read(static_cast<uint64_t>(i), &record);
      EXPECT_EQ(record.label, i) << backend;
      EXPECT_EQ(record.bytes, i == 3000 ? std::string(7000, 'x') : fmt::format("{:0150}", i)) << backend;
    }
    const auto again = open(backend, folder / "db");  // while it is open
    again->read(5, &record);
    EXPECT_EQ(record.label, 5);
  }
}

TEST(Databases, BadRecordsAreNamed) {
  const std::string good = datum("channels: 1 height: 1 width: 1 data: 'a'");
  for (const std::string& backend : backends()) {
    const TempFolder folder;
    write(backend, folder / "sizes", {{"00", good}, {"01", datum("channels: 1 height: 1 width: 2 data: 'a'")}});
    EXPECT_EQ(all_of(backend, folder / "sizes"),
              "record 1 (key \"01\"): 1 bytes, but channels x height x width is 1 x 1 x 2");
    write(backend, folder / "parse", {{"00", good}, {"0\n", "\xff\xff"}});
    EXPECT_EQ(all_of(backend, folder / "parse"), "record 0 (key \"0\\x0a\"): not a Datum message (2 bytes)");
    write(backend, folder / "empty", {});
    EXPECT_NE(all_of(backend, folder / "empty").find("database is empty"), std::string::npos);
    EXPECT_EQ(all_of(backend, "/no/such").substr(backend == "LMDB" ? 4 : 7), " database \"/no/such\" does not exist");
  }
}

TEST(Databases, MixedShapesNeedACut) {
  for (const std::string& backend : backends()) {
    const TempFolder folder;
    const std::string path = write(backend, folder / "db",
                                   {{"00", datum("channels: 1 height: 2 width: 2 data: 'abcd'")},
                                    {"01", datum("channels: 1 height: 3 width: 2 data: 'abcdef'")},
                                    {"02", datum("channels: 2 height: 2 width: 2 data: 'abcdabcd'")}});
    const auto layer = [&](const std::string& crop) {
      return "type: 'Data' top: 'x' transform_param { " + crop + " } data_param { batch_size: 1 backend: " + backend +
             " source: '" + path + "' }";
    };
    DataLayer whole(layer("")), cut(layer("crop_size: 2"));
    whole.forward();
    for (int repeat = 0; repeat < 2; ++repeat) {
      EXPECT_EQ(message_of([&] { whole.forward(); }),
                "record 1 (key \"01\"): its shape is 1 3 2, that of record 0 is 1 2 2");
    }
    EXPECT_EQ(whole.position(), 1u);  // the bad record was not consumed
    cut.forward();
    cut.forward();
    EXPECT_EQ(message_of([&] { cut.forward(); }),
              "record 2 (key \"02\"): its shape is 2 2 2, that of record 0 is 1 2 2");
  }
}

// Runs `action` as a user other than root, since root has all permissions.
void without_privileges(const std::function<void()>& action) {
  const uid_t user = ::geteuid();
  ASSERT_EQ(::seteuid(user == 0 ? 65534 : user), 0);
  action();
  ASSERT_EQ(::seteuid(user), 0);
}

void copy_read_only(const std::string& from, const std::string& to) {
  fs::copy(from, to, fs::copy_options::recursive);
  for (const auto& entry : fs::directory_iterator(to)) fs::permissions(entry.path(), fs::perms(0444));
  fs::permissions(to, fs::perms(0555));
}

#ifdef CREMA_WITH_LMDB
TEST(Lmdb, ReadsWithoutWriting) {
  const TempFolder folder;
  fs::permissions(folder / "", fs::perms(0755));
  copy_read_only(kGolden + "lmdb_raw", folder / "db");
  std::string said;
  without_privileges([&] { said = all_of("LMDB", folder / "db"); });
  EXPECT_EQ(said, "no error");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "db"), {}), 1);
  EXPECT_EQ(all_of("LMDB", folder / "db/data.mdb"), "no error");
}

TEST(Lmdb, RefusesWhatHoldsNoRecords) {
  const TempFolder folder;
  const Entries entries = {{"a", "x"}};
  write_lmdb(folder / "named", entries, 0, "inner");
  EXPECT_NE(all_of("LMDB", folder / "named").find("holds named databases"), std::string::npos);
  write_lmdb(folder / "duplicates", entries, MDB_DUPSORT);
  EXPECT_NE(all_of("LMDB", folder / "duplicates").find("(flags 0x4)"), std::string::npos);
  folder.write("text", std::string(9000, 'x'));
  EXPECT_EQ(all_of("LMDB", folder / "text"), (folder / "text") + ": not an LMDB file, or damaged");
  folder.write("short", "x");
  EXPECT_EQ(all_of("LMDB", folder / "short"), (folder / "short") + ": cut off, or not an LMDB file");
  fs::create_directory(folder / "folder");
  EXPECT_EQ(all_of("LMDB", folder / "folder"),
            (folder / "folder") + "/data.mdb: cannot open: No such file or directory");
  EXPECT_EQ(all_of("LMDB", kGolden + "leveldb_raw"),
            kGolden + "leveldb_raw: is a LevelDB database; set backend: LEVELDB");
}

// LMDB's keys are in order and do not overlap. If that were not checked, a small file could claim any number of long
// keys.
TEST(Lmdb, KeysAreCheckedBeforeTheyAreKept) {
  const TempFolder folder;
  Entries entries;
  for (int i = 0; i < 9; ++i)
    entries.emplace_back(fmt::format("{:0300}", i), datum("channels: 1 height: 1 width: 1 data: 'a'"));
  const std::string whole = read_file(write_lmdb(folder / "db", entries) + "/data.mdb");
  const size_t leaf = whole.find(std::string(290, '0')) / 4096 * 4096;
  const auto said = [&](const std::function<void(std::string&)>& damage) {
    std::string bytes = whole;
    damage(bytes);
    folder.write("data.mdb", bytes);
    return all_of("LMDB", folder / "data.mdb");
  };
  EXPECT_EQ(said([](std::string&) {}), "no error");
  const std::string twice = said([&](std::string& bytes) { bytes.replace(leaf + 18, 2, bytes.substr(leaf + 16, 2)); });
  EXPECT_NE(twice.find("are not in order"), std::string::npos) << twice;
  const std::string many = said([&](std::string& bytes) {
    const std::string node = bytes.substr(leaf + 16 + 2 * 8, 2);
    const size_t last = leaf + static_cast<unsigned char>(node[0]) + 256u * static_cast<unsigned char>(node[1]);
    bytes[leaf + 12] = 16 + 2 * 20;  // twenty nodes instead of nine
    for (size_t i = 0; i < 20; ++i) bytes.replace(leaf + 16 + 2 * i, 2, node);
    bytes[last + 6] = '\x2c';
  });
  EXPECT_NE(many.find("damaged"), std::string::npos) << many;
}

// For some of these files, the library would end the program or read past its map. crema must prevent that.
TEST(Lmdb, EveryCutAndManyDamagedBytes) {
  const TempFolder folder;
  Entries entries;
  for (int i = 0; i < 300; ++i) {
    entries.emplace_back(fmt::format("{:08}", i),
                         datum(fmt::format("channels: 1 height: 1 width: 90 data: '{:090}'", i)));
  }
  entries.emplace_back("9", datum("channels: 1 height: 1 width: 5000 data: '" + std::string(5000, 'x') + "'"));
  const std::string whole = read_file(write_lmdb(folder / "db", entries) + "/data.mdb");
  const std::string path = folder / "data.mdb";
  const auto said = [&](const std::string& bytes) {
    folder.write("data.mdb", bytes);
    return all_of("LMDB", path);
  };
  ASSERT_EQ(said(whole), "no error");
  for (size_t size = 0; size < whole.size(); size += 509) EXPECT_NE(said(whole.substr(0, size)), "no error") << size;
  int refused = 0;
  for (size_t at = 0; at < whole.size(); at += at % 4096 < 200 ? 1 : 101) {
    for (const int flip : {0xff, 1}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      refused += said(damaged) != "no error";
    }
  }
  EXPECT_GT(refused, 500);
}
#endif

#ifdef CREMA_WITH_LEVELDB
TEST(Leveldb, NeedsWritePermissionAndSaysSo) {
  const TempFolder folder;
  fs::permissions(folder / "", fs::perms(0755));
  copy_read_only(kGolden + "leveldb_raw", folder / "db");
  std::string said;
  without_privileges([&] { said = all_of("LEVELDB", folder / "db"); });
  EXPECT_EQ(said,
            (folder / "db") +
                ": no permission to write, which LevelDB needs even for reading (lock, log): use a copy of the folder");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "db"), {}), 4);
}

TEST(Leveldb, RefusesOtherThings) {
  const TempFolder folder;
  const std::string file = folder.write("file", "x");
  EXPECT_EQ(all_of("LEVELDB", file), file + ": is a file; a LevelDB database is a folder (is backend: IDX meant?)");
  EXPECT_EQ(all_of("LEVELDB", kGolden + "lmdb_raw"), kGolden + "lmdb_raw: is an LMDB database; set backend: LMDB");
  EXPECT_EQ(all_of("LEVELDB", kGolden + "images"),
            kGolden + "images: is not a LevelDB database: there is no file CURRENT in it");
}

TEST(Leveldb, CutsAndDamagedBytes) {
  int refused = 0;
  for (const auto& entry : fs::directory_iterator(kGolden + "leveldb_raw")) {
    const std::string name = entry.path().filename().string(), whole = read_file(entry.path().string());
    for (size_t i = 0; i < 12; ++i) {
      const TempFolder folder;
      fs::copy(kGolden + "leveldb_raw", folder / "db");
      const size_t at = whole.size() * i / 12;
      std::string damaged = whole;
      if (at < damaged.size()) damaged[at] = static_cast<char>(~damaged[at]);
      folder.write("db/" + name, i % 2 == 0 ? damaged : whole.substr(0, at));
      refused += all_of("LEVELDB", folder / "db") != "no error";
    }
  }
  EXPECT_GT(refused, 10);
}
#endif

}  // namespace
}  // namespace crema
