#!/usr/bin/env bash
# lint.sh [format] [docs] [tidy [FILE...]]: checks the sources' format; that the headers' reference can be made without
# warnings; and, for all files or for the given ones, the checks that .clang-tidy names. Without arguments it does all
# three. The results are those of clang-format 14, clang-tidy 14 and doxygen 1.9, Debian 12's: other versions may see
# more.
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

sources() { find src tools studies tests benchmarks \( -name '*.cpp' -o -name '*.h' \) -print0; }

# Prints the name under which a program of LLVM 14 is installed on this machine, or fails.
llvm() {
  if have "$1-14"; then say "$1-14"; elif have "$1"; then say "$1"; else fail "$1 is missing: apt-get install $1"; fi
}

check_format() {
  local clang_format
  clang_format=$(llvm clang-format)
  sources | xargs -0 "$clang_format" --dry-run --Werror
  say "format: as .clang-format wants it"
}

check_docs() {
  have doxygen || fail "doxygen is missing: apt-get install doxygen"
  mkdir -p build
  run doxygen docs/Doxyfile
  say "docs: build/doc/html/index.html"
}

# Clang cannot read GCC's precompiled headers, so lint.sh has its own build folder, in which only the schema is
# compiled.
check_tidy() {
  local clang_tidy files=("$@")
  clang_tidy=$(llvm clang-tidy)
  mkdir -p build
  if ((${#files[@]} == 0)); then mapfile -d '' files < <(find src tools studies -name '*.cpp' -print0 | sort -z); fi
  run cmake -S . -B build/tidy -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
    -DCREMA_TESTS=OFF -DCREMA_NATIVE=OFF > build/tidy.log || fail "cannot configure build/tidy (see build/tidy.log)"
  run ninja -C build/tidy proto/crema.pb.h
  printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" "$clang_tidy" -p build/tidy --quiet
  say "tidy: nothing found"
}

(($# > 0)) || set -- format docs tidy
while (($# > 0)); do
  case $1 in
    format | docs) "check_$1" ;;
    tidy)
      shift
      check_tidy "$@"
      break
      ;;
    *) fail "unknown check '$1'; there are format, docs and tidy" ;;
  esac
  shift
done
