#include "data/hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"

namespace crema {
namespace {

constexpr uint64_t kMaxRatio = 1100;  // of numbers to stored bytes: a little more than gzip, its best filter, reaches
constexpr hsize_t kMaxListed = 20;

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

Shape checked_shape(hid_t set) {
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
  const uint64_t stored = H5Dget_storage_size(set);
  check(count / kMaxRatio <= stored, "has the shape {}, for which its {} bytes in the file are too few",
        fmt::join(extent, " x "), stored);
  return Shape(std::vector<long>(extent.begin(), extent.end()));
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
  const Quiet quiet;
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  return file.good() && H5Aexists(file.get(), kMark) > 0;
}

Hdf5File::Hdf5File(const std::string& path) : path_(path) {
  const Quiet quiet;
  std::error_code ignored;
  check(std::filesystem::exists(path, ignored), "{}: does not exist", path);
  file_ = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  check(file_ >= 0, "{}: cannot be opened as an HDF5 file (damaged, or another format)", path);
}

Hdf5File::~Hdf5File() {
  const Quiet quiet;
  H5Fclose(file_);
}

std::string Hdf5File::contents() const {
  H5G_info_t info{};
  if (H5Gget_info(file_, &info) < 0 || info.nlinks == 0) return "none";
  std::vector<std::string> names;
  for (hsize_t i = 0; i < std::min<hsize_t>(info.nlinks, kMaxListed); ++i) {
    char name[256] = "";
    if (H5Lget_name_by_idx(file_, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT) >= 0) {
      names.push_back(fmt::format("\"{}\"", name));
    }
  }
  return fmt::format("{}{}", fmt::join(names, ", "), info.nlinks > kMaxListed ? ", ..." : "");
}

Shape Hdf5File::shape(const std::string& name) const {
  const Quiet quiet;
  const Handle set(H5Dopen2(file_, name.c_str(), H5P_DEFAULT), H5Dclose);
  check(set.good(), "{}: has no data set \"{}\"; it has: {}", path_, name, contents());
  try {
    return checked_shape(set.get());
  } catch (const Error& error) {
    throw Error("{}: data set \"{}\" {}", path_, name, error.what());
  }
}

std::vector<float> Hdf5File::read(const std::string& name) const {
  std::vector<float> values(static_cast<size_t>(shape(name).count()));
  const Quiet quiet;
  const Handle set(H5Dopen2(file_, name.c_str(), H5P_DEFAULT), H5Dclose);
  const bool good = set.good() && (values.empty() || H5Dread(set.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                                             values.data()) >= 0);
  check(good, "{}: data set \"{}\" cannot be read (damaged, or packed by an unknown filter)", path_, name);
  return values;
}

// In memory, so that whoever writes the bytes decides when and how they reach the disk.
std::string hdf5_bytes(const std::vector<Hdf5Array>& arrays) {
  constexpr size_t kIncrement = 1 << 20;
  const Quiet quiet;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  check(H5Pset_fapl_core(access.get(), kIncrement, 0) >= 0, "the HDF5 library cannot make a file in memory");
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
