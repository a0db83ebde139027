// Files that matter are written whole or not at all; files that are read have bounds.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace crema {

// The file's bytes, or those of a pipe or a terminal. Throws Error if it cannot be read, holds more than `limit` bytes,
// or is another device: it may have no end.
std::string read_file(const std::string& path, uint64_t limit = uint64_t{1} << 31);

// Throws Error unless `path` is a regular file or a link to one: a device may have no end, and a pipe lets whoever
// opens it wait.
void check_regular(const std::string& path);

// Puts `bytes` at `path`: writes a temporary file in the same folder, flushes it to disk and renames it. On any failure
// (no space, no permission, no such folder) throws Error, removes the temporary file and leaves the old file at `path`.
// A symbolic link is followed; devices, pipes and folders are refused.
void write_file(const std::string& path, std::string_view bytes);

// The name that write_file() gives to a file until it is finished: PATH.PID.tmp.
std::string draft_name(const std::string& path);

// write_file() for files that belong together, in this order: all are written and flushed before the first is renamed,
// so that a full disk leaves every old one.
struct FileBytes {
  std::string path, bytes;
};
void write_files(const std::vector<FileBytes>& files);

// Prints to stderr and ignores failures: a closed terminal is no reason to stop.
void print_error(std::string_view text);

// `path` if it exists (relative paths: from the working directory, as in Caffe), else the same path beside `file`, the
// text that names it; with `packed_too`, also the gzipped form of that file, or the unpacked one where path ends in
// ".gz". Throws Error naming the places if there is none. `what` says what is looked for: "mean file".
std::string find_beside(const std::string& path, const std::string& file, std::string_view what,
                        bool packed_too = false);

}  // namespace crema
