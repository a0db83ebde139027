#!/usr/bin/env bash
# Builds everything, with warnings as errors (scripts/common.sh says by which compilers), and runs all tests. A second
# call builds only what has changed.
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"
exec < /dev/null

run scripts/install_deps.sh
run cmake --preset release "-DCREMA_WERROR=$(werror)"
run cmake --build --preset release
# Tests run side by side, each with all threads. A thread that waits must not keep a core from one that works.
export OMP_WAIT_POLICY=passive
run ctest --preset release --no-tests=error --parallel "$(nproc)"
