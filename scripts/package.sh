#!/usr/bin/env bash
# Builds Debian packages of the tool and of the library: build/package/*.deb. They run on every processor of the
# architecture; oneDNN and OpenBLAS choose their instructions at run time.
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"
(($# == 0)) || fail "takes no arguments"

run scripts/install_deps.sh
have dpkg-shlibdeps || fail "dpkg-shlibdeps is missing: apt-get install dpkg-dev"
run cmake --preset package
run cmake --build --preset package
run cpack --config build/package/CPackConfig.cmake -B build/package
