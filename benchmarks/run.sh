#!/bin/bash
# Builds what the benchmark needs and runs it: crema against PyTorch, against its plain path and against the machine.
#   benchmarks/run.sh [--nets lenet,resnet50] [--rounds N] [--threads N] [--quick] [--check] [--write FILE]
# All flags: benchmarks/run.sh --help. PyTorch is optional (Debian: python3-torch); CREMA_BUILD sets the build folder
# (default build/benchmark), PYTHON the interpreter (default /usr/bin/python3).
set -euo pipefail
cd "$(dirname "$0")/.."

build=${CREMA_BUILD:-build/benchmark}
log=$build/benchmark_build.log
mkdir -p "$build"
say() { echo "run.sh: $*" >&2; }

for program in cmake python3; do
  command -v "$program" >/dev/null ||
    { say "$program is missing; scripts/install_deps.sh installs what crema needs"; exit 1; }
done
if [[ ! -f $build/CMakeCache.txt ]]; then
  generator=(); command -v ninja >/dev/null && generator=(-G Ninja)
  cmake -S . -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DCREMA_BENCHMARKS=ON -DCREMA_TESTS=OFF \
    -DCREMA_STUDIES=OFF >"$log" 2>&1 || { tail -20 "$log" >&2; say "configuring failed; all of it: $log"; exit 1; }
fi
say "building in $build"
cmake --build "$build" --target crema_tool net_benchmark -j "$(nproc)" >"$log" 2>&1 ||
  { tail -20 "$log" >&2; say "building failed; all of it: $log"; exit 1; }

exec python3 benchmarks/compare.py --crema "$build/benchmarks/net_benchmark" --tool "$build/crema" \
  --python "${PYTHON:-/usr/bin/python3}" "$@"
