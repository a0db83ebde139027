#!/usr/bin/env bash
# Installs what crema is built from, and only what is missing, as root or with sudo: Debian 12, Ubuntu 24.04 or newer.
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

readonly cmake_needed=3.25 cxx_needed=12
readonly compiler=${CXX:-g++}

# The only list of packages. A tool that is already on PATH is not installed from its package.
declare -A tools=([cmake]=cmake [ninja-build]=ninja [g++]=$compiler [curl]=curl)
packages=(
  g++ cmake ninja-build
  protobuf-compiler libprotobuf-dev
  libdnnl-dev libopenblas-openmp-dev
  libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev
  libspdlog-dev libfmt-dev libcli11-dev librandom123-dev
  liblmdb-dev libleveldb-dev libhdf5-dev zlib1g-dev
  nlohmann-json3-dev libgraphviz-dev
  libgtest-dev libbenchmark-dev
  ca-certificates curl
)

# Prints the packages among the arguments that are not installed.
list_missing() {
  local installed package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2> /dev/null || true)
  for package in "$@"; do
    have "${tools[$package]:-}" && continue
    grep -qxF "installed $package" <<< "$installed" || say "$package"
  done
}

candidate() { LC_ALL=C apt-cache policy "$1" | sed -n 's/^  Candidate: \([^(]\)/\1/p'; }

# Prints the packages among the arguments that apt does not know.
list_unknown() {
  local known package
  known=$(LC_ALL=C apt-cache policy "$@" | awk '/^[^ ]/ { name = $1 } /^  Candidate: [^(]/ { print name }')
  for package in "$@"; do
    grep -qxF "$package:" <<< "$known" || say "$package"
  done
}

as_root() {
  if [[ $(id -u) == 0 ]]; then run "$@"; else run sudo "$@"; fi
}

# One broken package source among several is no reason to stop: if it is needed, a later step fails.
update() { as_root apt-get update -q < /dev/null || say "apt-get update failed; going on with the lists at hand" >&2; }

install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "$@" < /dev/null
}

# check_version NAME VERSION NEEDED HINT: VERSION is what is on PATH or what apt would install.
check_version() {
  dpkg --compare-versions "${2#*:}" ge "$3" || fail "$1 $2 is too old: crema needs $3 or newer. $4"
}

check_versions() {
  local cmake_version cxx_version
  if have cmake; then
    cmake_version=$(cmake --version | awk 'NR == 1 { print $3 }')
  else
    cmake_version=$(candidate cmake)
  fi
  if have "$compiler"; then cxx_version=$("$compiler" -dumpversion); else cxx_version=$(candidate g++); fi
  check_version cmake "$cmake_version" $cmake_needed \
    "Put a newer one first on PATH and call this again."
  check_version "$compiler" "$cxx_version" $cxx_needed \
    "Install g++-12 (apt-get install g++-12) and call this again with CXX=g++-12 in the environment."
}

if ! have apt-get || ! have dpkg-query; then
  fail "no apt-get here. Install these (Debian's names) your own way, then build with cmake --preset release:" \
    "${packages[*]}"
fi
if [[ ${CXX:-} ]] && ! have "$CXX"; then fail "CXX is '$CXX', and there is no such compiler"; fi

mapfile -t missing < <(list_missing "${packages[@]}")
if ((${#missing[@]} == 0)); then
  check_versions
  say "Nothing to install: all that crema is built from is there."
  exit 0
fi

say "To be installed: ${missing[*]}"
if [[ $(id -u) != 0 ]] && ! { have sudo && sudo -v; }; then
  fail "installing needs root, and sudo is missing or refuses. As root:" \
    "apt-get install --no-install-recommends ${missing[*]}"
fi
[[ $(list_unknown "${missing[@]}") ]] && update
mapfile -t unknown < <(list_unknown "${missing[@]}")
if ((${#unknown[@]} > 0)); then
  fail "apt has no package ${unknown[*]} (is there a network? On Ubuntu, is 'universe' enabled:" \
    "add-apt-repository universe)"
fi
check_versions
# Package lists that are some weeks old may name versions that the mirrors no longer have, hence the second try.
if ! install "${missing[@]}"; then
  update
  install "${missing[@]}" || fail "apt-get could not install: ${missing[*]} (its reason stands above)"
fi
mapfile -t missing < <(list_missing "${packages[@]}")
((${#missing[@]} == 0)) || fail "still missing after the installation: ${missing[*]}"
