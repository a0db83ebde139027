# Sourced first by the scripts beside it: strict mode, the repository's root as the working folder, and the few
# functions that they share.
# shellcheck shell=bash
set -euo pipefail

# shellcheck disable=SC2034  # read by the scripts that source this file
called_from=$PWD
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.."

say() { printf '%s\n' "$*"; }

fail() {
  printf '%s: error: %s\n' "$(basename -- "$0")" "$*" >&2
  exit 1
}

# Prints a command as it would be typed at the repository's root, and runs it.
run() {
  printf '$'
  printf ' %q' "$@"
  printf '\n'
  "$@"
}

# The value of CREMA_WERROR: ON for the compilers that must give no warnings, GCC 12 to 14 and Clang 14 to 19. Other
# compilers may give warnings that these do not.
werror() {
  local compiler=${CXX:-g++} from=12 to=14 major
  if "$compiler" --version | grep -q clang; then from=14 to=19; fi
  major=$("$compiler" -dumpversion)
  major=${major%%.*}
  if ((major >= from && major <= to)); then say ON; else say OFF; fi
}

have() { command -v "$1" > /dev/null; }
