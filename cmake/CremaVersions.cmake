# Refuses a library that is older than `oldest`, the version in Debian 12, which is the oldest system that crema is
# built on. Also refuses versions from `newer` on (optional), whose interface is known to differ.
function(crema_check_version library version oldest)
  if(version VERSION_LESS oldest)
    message(FATAL_ERROR "crema needs ${library} ${oldest} or newer, and ${version} was found. scripts/install_deps.sh "
      "installs it on Debian 12 or newer, and Ubuntu 24.04 or newer; docs/architecture.md lists all versions")
  endif()
  if(ARGC GREATER 3 AND NOT version VERSION_LESS ARGV3)
    message(FATAL_ERROR "crema takes ${library} ${oldest} or newer, but older than ${ARGV3}, and ${version} was found; "
      "docs/architecture.md lists all versions")
  endif()
  message(STATUS "${library} ${version}")
endfunction()

# Reads a library's version from a header: the number after each of the words, joined by dots.
function(crema_read_version result header)
  set(numbers "")
  foreach(word ${ARGN})
    file(STRINGS ${header} lines REGEX "${word}[ \t=\"A-Za-z]+[0-9.]+" LIMIT_COUNT 1)
    string(REGEX REPLACE ".*${word}[ \t=\"A-Za-z]+([0-9.]+).*" "\\1" number "${lines}")
    list(APPEND numbers "${number}")
  endforeach()
  list(JOIN numbers "." version)
  set(${result} "${version}" PARENT_SCOPE)
endfunction()
