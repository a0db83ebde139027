#include "data/hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <mutex>

#include "base/child.h"
#include "base/error.h"
#include "base/file.h"

namespace crema {
namespace {

constexpr uint64_t kMaxRatio = 1100;  // of numbers to packed bytes: a little more than gzip reaches, which is HDF5's
                                      // best filter
constexpr hsize_t kMaxListed = 20;
constexpr uint64_t kBlock = uint64_t{1} << 22;         // numbers that are read at once
constexpr uint64_t kRoom = uint64_t{1} << 29;          // bytes that the library may take for its own use
constexpr uint64_t kBytesASecond = uint64_t{1} << 23;  // the speed that even a slow filter reaches
constexpr uint64_t kSeconds = 10;                      // that the library may take beyond that

// The library is not thread-safe, so it is used under this lock. A child is forked while the lock is held, so that no
// other thread is inside the library at that moment.
std::mutex library;

// While it lives, the library prints nothing.
class Quiet {
 public:
  Quiet() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Quiet() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

// An identifier of the library; negative where the call that gave it failed.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  hid_t get() const { return id_; }
  bool good() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

void check_type(hid_t set) {
  const Handle type(H5Dget_type(set), H5Tclose);
  const H5T_class_t kind = H5Tget_class(type.get());
  check(kind == H5T_INTEGER || kind == H5T_FLOAT, "does not hold numbers");
}

void check_place(hid_t set) {
  const Handle plist(H5Dget_create_plist(set), H5Pclose);
  check(plist.good() && H5Pget_layout(plist.get()) != H5D_VIRTUAL && H5Pget_external_count(plist.get()) <= 0,
        "refers to data in other files, which are not read");
}

uint64_t file_size(hid_t set) {
  const Handle file(H5Iget_file_id(set), H5Fclose);
  hsize_t size = 0;
  return file.good() && H5Fget_filesize(file.get(), &size) >= 0 ? size : 0;
}

// How many numbers the bytes of `set` in the file hold at most. `stored`: the number of bytes that it claims, but no
// more than the file has.
uint64_t stored_numbers(hid_t set, uint64_t stored) {
  const Handle plist(H5Dget_create_plist(set), H5Pclose), type(H5Dget_type(set), H5Tclose);
  const bool packed = H5Pget_nfilters(plist.get()) > 0;
  return packed ? stored * kMaxRatio : stored / std::max<uint64_t>(1, H5Tget_size(type.get()));
}

std::vector<hsize_t> checked_extent(hid_t set) {
  check_type(set);
  check_place(set);
  const Handle space(H5Dget_space(set), H5Sclose);
  const int axes = H5Sget_simple_extent_ndims(space.get());
  check(axes > 0 && axes <= Shape::kMaxAxes, "has no axes");
  std::vector<hsize_t> extent(static_cast<size_t>(axes));
  check(H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr) == axes, "has no readable shape");
  uint64_t count = 1;
  for (const hsize_t dim : extent) {
    check(dim <= static_cast<hsize_t>(Hdf5File::kMaxCount) && count * dim <= static_cast<uint64_t>(Hdf5File::kMaxCount),
          "has the shape {}, more than the {} elements that are read at most", fmt::join(extent, " x "),
          Hdf5File::kMaxCount);
    count *= dim;
  }
  const uint64_t stored = std::min<uint64_t>(H5Dget_storage_size(set), file_size(set));
  check(count <= Hdf5File::kMaxUnwritten + stored_numbers(set, stored),
        "has the shape {}, for which its {} bytes in the file are too few (numbers that were never written are read up "
        "to {})",
        fmt::join(extent, " x "), stored, Hdf5File::kMaxUnwritten);
  return extent;
}

uint64_t count_of(const std::vector<hsize_t>& extent, size_t from = 0) {
  uint64_t count = 1;
  for (size_t axis = from; axis < extent.size(); ++axis) count *= extent[axis];
  return count;
}

// How many rows are read at once: whole chunks, so that none is unpacked twice.
hsize_t rows_at_once(hid_t set, const std::vector<hsize_t>& extent) {
  const Handle plist(H5Dget_create_plist(set), H5Pclose);
  std::vector<hsize_t> chunk(extent.size(), 1);
  if (H5Pget_layout(plist.get()) == H5D_CHUNKED) {
    H5Pget_chunk(plist.get(), static_cast<int>(chunk.size()), chunk.data());
  }
  const hsize_t chunk_rows = std::max<hsize_t>(1, chunk[0]);
  const hsize_t rows = std::max<hsize_t>(1, kBlock / std::max<uint64_t>(1, count_of(extent, 1)));
  return std::min(extent[0], std::max(rows / chunk_rows, hsize_t{1}) * chunk_rows);
}

// Whether nothing of `set` is stored, and the file gives no fill value either. The library refuses to read such a set.
bool says_nothing(hid_t set) {
  H5D_space_status_t space = H5D_SPACE_STATUS_ERROR;
  H5D_fill_value_t fill = H5D_FILL_VALUE_ERROR;
  const Handle plist(H5Dget_create_plist(set), H5Pclose);
  return H5Dget_space_status(set, &space) >= 0 && space == H5D_SPACE_STATUS_NOT_ALLOCATED &&
         H5Pfill_value_defined(plist.get(), &fill) >= 0 && fill == H5D_FILL_VALUE_UNDEFINED;
}

// Numbers that were never written have the fill value, or 0 if the file gives none.
void send_numbers(hid_t set, const std::vector<hsize_t>& extent, ChildOutput& output) {
  if (count_of(extent) == 0) return;
  const hsize_t step = rows_at_once(set, extent);
  std::vector<hsize_t> first(extent.size(), 0), part = extent;
  std::vector<float> values;
  const bool zeros = says_nothing(set);
  const Handle file_space(H5Dget_space(set), H5Sclose);
  for (; first[0] < extent[0]; first[0] += step) {
    part[0] = std::min(step, extent[0] - first[0]);
    values.assign(count_of(part), 0.0F);
    const Handle space(H5Screate_simple(static_cast<int>(part.size()), part.data(), nullptr), H5Sclose);
    const bool read =
        zeros ||
        (H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, first.data(), nullptr, part.data(), nullptr) >= 0 &&
         H5Dread(set, H5T_NATIVE_FLOAT, space.get(), file_space.get(), H5P_DEFAULT, values.data()) >= 0);
    check(read, "cannot be read (damaged, or packed by an unknown filter)");
    output.write(values.data(), values.size() * sizeof(float));
  }
}

std::string contents(hid_t file) {
  H5G_info_t info{};
  if (H5Gget_info(file, &info) < 0 || info.nlinks == 0) return "none";
  std::vector<std::string> names;
  for (hsize_t i = 0; i < std::min<hsize_t>(info.nlinks, kMaxListed); ++i) {
    char name[256] = "";
    if (H5Lget_name_by_idx(file, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT) >= 0) {
      names.push_back(fmt::format("\"{}\"", name));
    }
  }
  return fmt::format("{}{}", fmt::join(names, ", "), info.nlinks > kMaxListed ? ", ..." : "");
}

// Calls `use` with each of the data sets.
void for_sets(hid_t file, const std::vector<std::string>& names, const std::function<void(hid_t)>& use) {
  for (const std::string& name : names) {
    const Handle set(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose);
    const bool unreadable = !set.good() && H5Lexists(file, name.c_str(), H5P_DEFAULT) > 0;
    check(!unreadable, "data set \"{}\" cannot be opened (damaged, or not a data set)", name);
    check(set.good(), "has no data set \"{}\"; it has: {}", name, contents(file));
    try {
      use(set.get());
    } catch (const Error& error) {
      throw Error("data set \"{}\" {}", name, error.what());
    }
  }
}

// In the child: sends the extents of all sets and then, if wanted, their numbers.
void send(const std::string& path, const std::vector<std::string>& names, bool with_numbers, ChildOutput& output) {
  std::error_code ignored;
  uint64_t size = std::filesystem::file_size(path, ignored);
  if (ignored) size = 0;
  limit_child(kRoom + 2 * size, kSeconds + size / kBytesASecond);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  check(file.good(), "cannot be opened as an HDF5 file (damaged, or another format)");
  std::vector<std::vector<hsize_t>> extents;
  uint64_t bytes = size;
  for_sets(file.get(), names, [&](hid_t set) {
    extents.push_back(checked_extent(set));
    bytes += count_of(extents.back()) * sizeof(double);
    output.put(extents.back().size());
    output.write(extents.back().data(), extents.back().size() * sizeof(hsize_t));
  });
  if (!with_numbers) return;
  limit_child(kRoom + 4 * bytes, kSeconds + bytes / kBytesASecond);
  size_t i = 0;
  for_sets(file.get(), names, [&](hid_t set) { send_numbers(set, extents[i++], output); });
}

bool put_array(hid_t file, const Hdf5Array& array) {
  const std::vector<hsize_t> extent(array.shape.dims().begin(), array.shape.dims().end());
  const Handle space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose);
  const Handle set(
      H5Dcreate2(file, array.name.c_str(), H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      H5Dclose);
  return set.good() && (array.values.empty() ||
                        H5Dwrite(set.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()) >= 0);
}

constexpr const char* kMark = "written_by_crema";

bool put_mark(hid_t file) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle mark(H5Acreate2(file, kMark, H5T_STD_I8LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  const signed char yes = 1;
  return mark.good() && H5Awrite(mark.get(), H5T_NATIVE_SCHAR, &yes) >= 0;
}

}  // namespace

bool is_hdf5_of_crema(const std::string& path) {
  const std::lock_guard lock(library);
  H5open();
  try {
    Child child([&](ChildOutput& output) {
      limit_child(kRoom, kSeconds);
      H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
      const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
      output.put(file.good() && H5Aexists(file.get(), kMark) > 0);
    });
    const bool marked = child.get<bool>();
    child.finish();
    return marked;
  } catch (const Error&) {  // the library crashes on it
    return false;
  }
}

Hdf5File::Hdf5File(const std::string& path) : path_(path) {
  std::error_code ignored;
  check(std::filesystem::exists(path, ignored), "{}: does not exist", path);
  check_regular(path);
}

std::vector<Hdf5Array> Hdf5File::ask(const std::vector<std::string>& names, bool with_numbers) const {
  const std::lock_guard lock(library);
  H5open();  // done once here, instead of in each child
  try {
    Child child([&](ChildOutput& output) { send(path_, names, with_numbers, output); });
    std::vector<Hdf5Array> arrays;
    for (const std::string& name : names) {
      std::vector<long> dims(child.get<size_t>());
      child.read(dims.data(), dims.size() * sizeof(long));
      arrays.push_back({name, Shape(dims), {}});
    }
    for (Hdf5Array& array : arrays) {
      if (!with_numbers) break;
      array.values.resize(static_cast<size_t>(array.shape.count()));
      child.read(array.values.data(), array.values.size() * sizeof(float));
    }
    child.finish();
    return arrays;
  } catch (const Error& error) {
    throw Error("{}: {}", path_, error.what());
  }
}

std::vector<Shape> Hdf5File::shapes(const std::vector<std::string>& names) const {
  std::vector<Shape> shapes;
  for (const Hdf5Array& array : ask(names, false)) shapes.push_back(array.shape);
  return shapes;
}

std::vector<Hdf5Array> Hdf5File::read(const std::vector<std::string>& names) const { return ask(names, true); }

// The file is made in memory, so that the caller decides when and how its bytes reach the disk.
std::string hdf5_bytes(const std::vector<Hdf5Array>& arrays) {
  constexpr size_t kIncrement = 1 << 20;
  const std::lock_guard lock(library);
  const Quiet quiet;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  check(H5Pset_fapl_core(access.get(), kIncrement, false) >= 0, "the HDF5 library cannot make a file in memory");
  const Handle file(H5Fcreate("in memory", H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
  for (const Hdf5Array& array : arrays) {
    check(file.good() && put_array(file.get(), array), "the HDF5 library cannot store data set \"{}\" ({})", array.name,
          array.shape.str());
  }
  check(file.good() && put_mark(file.get()), "the HDF5 library cannot store an attribute");
  H5Fflush(file.get(), H5F_SCOPE_GLOBAL);
  const ssize_t size = H5Fget_file_image(file.get(), nullptr, 0);
  std::string bytes(static_cast<size_t>(std::max<ssize_t>(0, size)), '\0');
  check(size > 0 && H5Fget_file_image(file.get(), bytes.data(), bytes.size()) == size,
        "the HDF5 library cannot make a file of {} bytes", size);
  return bytes;
}

}  // namespace crema
