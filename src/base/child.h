// Runs work in its own process where a damaged file might crash it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace crema {

// In the child: takes its results.
class ChildOutput {
 public:
  explicit ChildOutput(int pipe) : pipe_(pipe) {}
  void write(const void* bytes, size_t size) { write('d', bytes, size); }
  template <typename T>
  void put(const T& value) {
    write(&value, sizeof value);
  }
  void write(char kind, const void* bytes, size_t size);

 private:
  int pipe_;
};

// A process that is forked from this one, runs `work` and ends. It prints nothing, has no other file open, and leaves
// no core file. read() and finish() rethrow an Error that `work` throws. If the process dies, they throw an Error that
// says so.
//
// Only the forking thread exists in the child. So `work` must not use memory, files or libraries that another thread of
// this process may be using at the time of the fork, and must not wait for a thread: no OpenMP, no logging.
class Child {
 public:
  explicit Child(const std::function<void(ChildOutput&)>& work);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The next bytes that `work` has written; waits for them.
  void read(void* bytes, size_t size);
  template <typename T>
  T get() {
    T value{};
    read(&value, sizeof value);
    return value;
  }
  // Waits for the end of `work`.
  void finish();

 private:
  void next_frame();
  bool read_pipe(void* bytes, size_t size);
  int reap();
  std::string death();

  pid_t process_ = -1;
  int pipe_ = -1;
  uint64_t left_ = 0;  // of the current frame
  bool done_ = false;
};

// In the child: limits how many more bytes of memory it may take, and how many seconds of processor time in all.
void limit_child(uint64_t memory, uint64_t seconds);

}  // namespace crema
