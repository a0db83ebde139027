# Tests CMake's checks of libraries' versions: read from headers, accepted, and refused. Run as a script, with SOURCE:
# the project's folder, and BUILD: a folder for headers.
cmake_minimum_required(VERSION 3.25)
include(${SOURCE}/cmake/CremaVersions.cmake)

# Runs in its own CMake process, with CHECK: the arguments of the check.
if(CHECK)
  crema_check_version(${CHECK})
  return()
endif()

function(expect_version header text expected)
  file(WRITE ${BUILD}/${header} "${text}")
  crema_read_version(version ${BUILD}/${header} ${ARGN})
  if(NOT version STREQUAL expected)
    message(SEND_ERROR "${header}: read '${version}' for '${expected}'")
  endif()
endfunction()

expect_version(dnnl_version.h "#define DNNL_VERSION_MAJOR 3\n#define DNNL_VERSION_MINOR 12\n/// Patch\n#define DNNL_VERSION_PATCH 0\n"
  3.12.0 DNNL_VERSION_MAJOR DNNL_VERSION_MINOR DNNL_VERSION_PATCH)
expect_version(db.h "static const int kMajorVersion = 1;\nstatic const int kMinorVersion = 23;\n" 1.23 kMajorVersion
  kMinorVersion)
expect_version(openblas_config.h "#define OPENBLAS_VERSION \" OpenBLAS 0.3.29 \"\n" 0.3.29 OPENBLAS_VERSION)

function(expect_check arguments said)
  execute_process(COMMAND ${CMAKE_COMMAND} "-DCHECK=${arguments}" -DSOURCE=${SOURCE} -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    OUTPUT_VARIABLE out ERROR_VARIABLE out)
  string(REGEX REPLACE "[ \n]+" " " out "${out}")
  if(NOT out MATCHES "${said}")
    message(SEND_ERROR "${arguments}: CMake said '${out}' for '${said}'")
  endif()
endfunction()

foreach(taken 2.6.0 2.6.3 2.7.5 3.0.0 3.12.1)
  expect_check("oneDNN;${taken};2.6;4" "^-- oneDNN ${taken} $")
endforeach()
expect_check("oneDNN;2.5.4;2.6;4" "crema needs oneDNN 2.6 or newer, and 2.5.4 was found")
expect_check("oneDNN;4.0.0;2.6;4" "crema takes oneDNN 2.6 or newer, but older than 4, and 4.0.0 was found")
expect_check("LMDB;0.9.31;0.9.24" "^-- LMDB 0.9.31 $")
expect_check("OpenCV;3.4.1;4.6" "crema needs OpenCV 4.6 or newer, and 3.4.1 was found")
