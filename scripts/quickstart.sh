#!/usr/bin/env bash
# From a fresh clone to a trained LeNet: installs what is missing, builds, fetches MNIST, trains models/lenet, tests it
# and shows a few digits. Prints each command in a form that can be repeated at the repository's root. It does not
# repeat steps that an earlier call finished.
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"
(($# == 0)) || fail "takes no arguments"

readonly crema=build/release/crema net=models/lenet/train_test.prototxt sheet=build/digits.png
readonly test_log=build/quickstart_test.log

now() { say "${EPOCHREALTIME/,/.}"; }

summary=()
# timed NAME COMMAND...: runs the command, and notes its seconds for the summary.
timed() {
  local name=$1 start
  start=$(now)
  shift
  "$@" || fail "could not $name (the reason stands above)"
  summary+=("$(awk -v name="$name" -v a="$start" -v b="$(now)" 'BEGIN { printf "%-8s %7.1f s", name, b - a }')")
}

# scripts/test.sh uses the same build.
build() {
  run cmake --preset release "-DCREMA_WERROR=$(werror)" && run cmake --build --preset release --target crema_tool
}

solver_field() { sed -n "s/^$1: *\"\{0,1\}\([^\" ]*\).*/\1/p" "$solver"; }

timed install run scripts/install_deps.sh
timed build build

if run scripts/get_mnist.sh; then
  solver=models/lenet/solver.prototxt goal=99 batches=100 stage=()
else
  say "Going on without all of MNIST (no network?), with the part of it that is embedded here: data/mnist-10k."
  solver=models/lenet/solver_10k.prototxt goal=98 batches=20 stage=(--stage mnist-10k)
fi
weights=$(solver_field snapshot_prefix)_iter_$(solver_field max_iter).caffemodel

if [[ $weights -nt $net && $weights -nt $solver ]]; then
  say "Trained before: $weights is newer than its net and its solver. Delete it to train again."
  summary+=("train     (done before)")
else
  timed train run $crema train --solver "$solver"
  [[ -f $weights ]] || fail "the training ended without $weights"
fi

run_test() {
  run $crema test --model $net --weights "$weights" "${stage[@]}" --iterations $batches 2>&1 | tee $test_log
}
timed test run_test
accuracy=$(sed -n 's/.*accuracy = \([0-9.]*\).*/\1/p' $test_log | tail -n 1)
[[ $accuracy ]] || fail "found no accuracy in what the test printed"

run $crema show --model $net --weights "$weights" "${stage[@]}" --count 10 --sheet $sheet ||
  fail "could not show digits (the reason stands above)"

say ""
printf '%s\n' "${summary[@]}"
awk -v a="$accuracy" -v n=$((batches * 100)) 'BEGIN { printf "accuracy %7.2f %% of %d test images\n", 100 * a, n }'
say "weights  $weights"
say "digits   $sheet"
awk -v a="$accuracy" -v goal=$goal 'BEGIN { exit 100 * a < goal }' ||
  fail "the accuracy is below $goal %, which this model should reach"
