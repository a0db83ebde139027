// crema info: the parts of this build and the machine that it runs on.
#include <H5public.h>
#include <google/protobuf/stubs/common.h>
#include <omp.h>
#include <zlib.h>

#include <fstream>
#include <set>
#include <sstream>

#ifdef CREMA_WITH_LMDB
#include <lmdb.h>
#endif
#ifdef CREMA_WITH_LEVELDB
#include <leveldb/db.h>
#endif
#ifdef CREMA_WITH_OPENCV
#include <opencv2/core/version.hpp>
#endif
#ifdef CREMA_WITH_GRAPHVIZ
#include <graphviz/gvc.h>
#endif

#include "commands.h"
#include "config/suggest.h"
#include "core/net.h"
#include "math/math_info.h"
#include "solvers/update_rule.h"
#include "table.h"

namespace crema {
namespace {

struct Processor {
  std::string model = "unknown";
  std::vector<std::string> instructions;  // the instruction sets that kernels are written for
};

Processor processor() {
  static const char* const kInstructions[] = {"sse4_1",      "avx",      "fma",      "f16c",        "avx2",
                                              "avx_vnni",    "avx512f",  "avx512bw", "avx512_vnni", "avx512_bf16",
                                              "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8",    "neon",
                                              "asimd",       "sve"};
  Processor found;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    if (line.starts_with("model name")) found.model = line.substr(colon + 2);
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(line.substr(colon + 2));
    const std::set<std::string> all((std::istream_iterator<std::string>(words)), {});
    for (const char* name : kInstructions) {
      if (all.contains(name)) found.instructions.emplace_back(name);
    }
    break;  // the processors that follow are of the same kind
  }
  return found;
}

std::string compiler() {
#ifdef __clang__
  return "Clang " __clang_version__;
#else
  return "GCC " __VERSION__;
#endif
}

std::string protobuf() {
  constexpr int v = GOOGLE_PROTOBUF_VERSION;  // 3021012 is 3.21.12
  return fmt::format("{}.{}.{}", v / 1000000, v / 1000 % 1000, v % 1000);
}

std::string hdf5() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

// An optional library's version, "" if it is not there.
struct Part {
  const char *name, *option, *without;
  std::string version;
};

std::vector<Part> parts() {
  std::vector<Part> all = {{"oneDNN", "CREMA_ONEDNN", "all layers run on the plain path", engine_info().version},
                           {"LMDB", "CREMA_LMDB", "no databases with backend: LMDB", ""},
                           {"LevelDB", "CREMA_LEVELDB", "no databases with backend: LEVELDB", ""},
                           {"OpenCV", "CREMA_OPENCV", "no encoded images, no contact sheets", ""},
                           {"Graphviz", "CREMA_GRAPHVIZ", "crema draw writes .dot alone", ""}};
#ifdef CREMA_WITH_LMDB
  all[1].version = fmt::format("{}.{}.{}", MDB_VERSION_MAJOR, MDB_VERSION_MINOR, MDB_VERSION_PATCH);
#endif
#ifdef CREMA_WITH_LEVELDB
  all[2].version = fmt::format("{}.{}", leveldb::kMajorVersion, leveldb::kMinorVersion);
#endif
#ifdef CREMA_WITH_OPENCV
  all[3].version = CV_VERSION;
#endif
#ifdef CREMA_WITH_GRAPHVIZ
  GVC_t* context = gvContext();
  all[4].version = gvcVersion(context);
  gvFreeContext(context);
#endif
  return all;
}

std::string listed(const std::vector<std::string>& names) {
  return fmt::format("{}: {}", names.size(), fmt::join(names, ", "));
}

void info() {
  Table table("ll");
  table.add({"crema", fmt::format("{}, {} build by {}", CREMA_VERSION, CREMA_BUILD_TYPE, compiler())});
  const Processor cpu = processor();
  table.add({"processor", cpu.model});
  table.add({"instructions", fmt::format("{}", fmt::join(cpu.instructions, " "))});
  table.add({"cores", fmt::format("{}, of which {} are used (--threads)", omp_get_num_procs(), omp_get_max_threads())});
  const BlasInfo blas = blas_info();
  table.add({"BLAS", blas.config});
  table.add({"", fmt::format("kernel {}, threads: {}", blas.kernel, blas.threads)});
  if (const EngineInfo engine = engine_info(); !engine.version.empty()) {
    table.add({"engine", fmt::format("oneDNN {}, instruction set {}", engine.version, engine.isa)});
    if (!engine.trouble.empty()) table.add({"", engine.trouble});
  } else {
    table.add({"engine", "plain"});
  }
  std::vector<std::string> built_in = {"Protocol Buffers " + protobuf(), "HDF5 " + hdf5(),
                                       std::string("zlib ") + zlibVersion()};
  std::vector<std::string> left_out;
  for (const Part& part : parts()) {
    if (part.version.empty()) {
      left_out.push_back(fmt::format("{} (CMake option {}): {}", part.name, part.option, part.without));
    } else {
      built_in.push_back(fmt::format("{} {}", part.name, part.version));
    }
  }
  table.add({"libraries", fmt::format("{}", fmt::join(built_in, ", "))});
  table.add({"left out", left_out.empty() ? "nothing" : fmt::format("{}", fmt::join(left_out, "; "))});
  table.add({"layer types", listed(keys(layer_types()))});
  table.add({"solver types", listed(keys(update_rules()))});
  fmt::print("{}", table.text());
}

}  // namespace

void add_info(CLI::App& app) {
  CLI::App* command = app.add_subcommand("info", "say what this build is made of and what it runs on");
  command->footer("Example:\n  crema info");
  command->callback(info);
}

}  // namespace crema
