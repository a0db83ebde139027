// From the third pass on, forward and backward of every layer allocate nothing. This program's own malloc counts
// allocations, except those of oneDNN, OpenBLAS and OpenMP.
#include <gtest/gtest.h>
#include <link.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <new>

#include "rows/rows.h"
#include "support/golden.h"
#include "support/nets.h"
#include "support/sanitizer.h"

#ifdef CREMA_SANITIZER_MALLOC
#define CREMA_OTHER_MALLOC  // a sanitizer has its own malloc
#endif

namespace crema {
namespace {

struct CodeRange {
  uintptr_t begin, end;
};
std::atomic<long> allocations{0};
thread_local bool counts = false;  // set on the calling thread and OpenMP's threads, but not on threads that read data
                                   // ahead
std::vector<CodeRange> others;     // the code of libraries whose allocations do not count

int add_if_other(dl_phdr_info* info, size_t, void*) {
  const std::string name = info->dlpi_name;
  const bool other = name.find("dnnl") != std::string::npos || name.find("blas") != std::string::npos ||
                     name.find("gomp") != std::string::npos;
  for (int i = 0; other && i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    others.push_back({info->dlpi_addr + segment.p_vaddr, info->dlpi_addr + segment.p_vaddr + segment.p_memsz});
  }
  return 0;
}

void note(const void* caller) {
  if (!counts) return;
  const auto address = reinterpret_cast<uintptr_t>(caller);
  for (const auto& [begin, end] : others) {
    if (address >= begin && address < end) return;
  }
  allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace
}  // namespace crema

#ifndef CREMA_OTHER_MALLOC
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t size) {
  crema::note(__builtin_return_address(0));
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  crema::note(__builtin_return_address(0));
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  crema::note(__builtin_return_address(0));
  return __libc_realloc(memory, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  crema::note(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  crema::note(__builtin_return_address(0));
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
}

// operator new is replaced, too: otherwise the caller of malloc would always be the standard library.
void* operator new(size_t size) {
  crema::note(__builtin_return_address(0));
  void* memory = __libc_malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { __libc_free(memory); }
void operator delete(void* memory, size_t) noexcept { __libc_free(memory); }
#endif

namespace crema {
namespace {

// Layer types that must allocate, with the reason.
const std::map<std::string, std::string> kExempt = {
    {"Filter", "how many records pass is another number each time, and the layers above are reshaped"},
    {"HDF5Output", "writes a file through a library"},
};

// Allocations of `body` on the calling thread and on OpenMP's.
template <typename Body>
long allocations_of(const Body& body) {
  const auto set = [](bool on) {
#pragma omp parallel
    counts = on;
  };
  set(true);
  const long before = allocations;
  body();
  const long after = allocations;
  set(false);
  return after - before;
}

struct Case {
  std::string layer, name;
  Phase phase;
  std::vector<Dims> bottoms;
  std::vector<std::vector<float>> values;  // empty: filled at random
  int tops;
  bool backward;
};

std::vector<float> values_of(const Fill& fill, const Dims& dims) {
  const long count = Shape(dims).count();
  std::vector<float> values;
  for (long i = 0; i < count; ++i) {
    if (const auto* labels = std::get_if<Labels>(&fill)) {
      values.push_back(static_cast<float>(i * 7 % labels->classes));
    } else if (const auto* given = std::get_if<Values>(&fill)) {
      values.push_back(static_cast<float>(given->list.at(static_cast<size_t>(i))));
    } else {
      values.push_back(0.3f + 0.01f * static_cast<float>(i * 37 % 61));
    }
  }
  return values;
}

// Every row of both tables, except those that read files.
std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const GradientRow& row : gradient_rows()) {
    Case c{row.layer, row.name, row.phase, row.bottoms, {}, row.tops, true};
    for (size_t b = 0; b < row.bottoms.size(); ++b) c.values.push_back(values_of(row.bottom_fills[b], row.bottoms[b]));
    cases.push_back(std::move(c));
  }
  for (const ForwardRow& row : forward_rows()) {
    if (row.layer.find("{files}") != std::string::npos) continue;
    Case c{row.layer, row.name, row.phase, {}, {}, static_cast<int>(row.tops.arrays.size()), row.phase == TRAIN};
    for (const Literal& bottom : row.bottoms) {
      c.bottoms.push_back(bottom.dims);
      c.values.push_back(bottom.values);
    }
    cases.push_back(std::move(c));
  }
  return cases;
}

std::string net_text(const Case& c) {
  std::string text = "force_backward: true\n", names;
  for (size_t b = 0; b < c.bottoms.size(); ++b) {
    text += input_text(fmt::format("in{}", b), c.bottoms[b]);
    names += fmt::format(" bottom: 'in{}'", b);
  }
  for (int t = 0; t < c.tops; ++t) names += fmt::format(" top: 'top{}'", t);
  return text + fmt::format("layer {{ name: 'L' {}{} }}\n", c.layer, names);
}

void run(const Case& c, Engine engine) {
  NetOptions options;
  options.engine = engine;
  options.backward = c.backward;
  const auto net = net_of(net_text(c), options, c.phase);
  for (size_t b = 0; b < c.bottoms.size(); ++b) set_input(*net, fmt::format("in{}", b), c.values[b]);
  const auto pass = [&] {
    net->forward();
    if (c.backward) net->backward();
  };
  pass();
  pass();
  EXPECT_EQ(allocations_of(pass), 0) << c.name << ": " << c.layer;
}

TEST(Allocations, AreCounted) {
  EXPECT_EQ(allocations_of([] {}), 0);
#ifndef CREMA_OTHER_MALLOC
  std::vector<std::unique_ptr<Buffer>> kept(1);
  EXPECT_GT(allocations_of([&] { kept[0] = std::make_unique<Buffer>(100); }), 0);
  const auto on_the_last_thread = [&] {
#pragma omp parallel
    if (omp_get_thread_num() == omp_get_num_threads() - 1) kept[0] = std::make_unique<Buffer>(100);
  };
  EXPECT_GT(allocations_of(on_the_last_thread), 0);
#endif
}

TEST(Allocations, EndWithTheSecondPass) {
  dl_iterate_phdr(add_if_other, nullptr);
  for (const Case& c : all_cases()) {
    const LayerParameter layer = parse_layer(c.layer);
    if (kExempt.contains(layer.type())) continue;
    for (const auto& [name, engine] : golden_engines()) {
      SCOPED_TRACE("on the engine " + name);
      run(c, engine);
    }
  }
}

}  // namespace
}  // namespace crema
