// Work that a damaged file might end with a crash, done in a process of its own.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace crema {

// In the child: where its results go.
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
// no core file. An Error that `work` throws comes out of read() or finish(); where the process dies, they throw an
// Error that says so.
//
// Only the forking thread lives on in the child. So `work` may use memory, files and libraries that no other thread of
// this process is in the middle of using, and must not wait for a thread: no OpenMP, no logging.
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

// In the child: from here on it may take so many bytes of memory more, and so many seconds of processor time in all.
void limit_child(uint64_t memory, uint64_t seconds);

}  // namespace crema
