# The compilers that must build the code without warnings: GCC 12 to 14, Clang 14 to 19. Newer ones are accepted
# untested.
if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12) OR
   (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14))
  message(FATAL_ERROR "crema is compiled by GCC 12 or newer, or Clang 14 or newer; ${CMAKE_CXX_COMPILER} is "
    "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. Install a newer one and name it: CXX=g++-12 cmake ...")
endif()

# Warnings of all of crema's targets. g++ 12 falsely reports an overflow in fmt's own formatting of integers.
set(crema_warning_options -Wall -Wextra)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  list(APPEND crema_warning_options -Wno-stringop-overflow)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Clang warns of loops marked for vectorization that stay scalar, which is true of all loops under a sanitizer.
  list(APPEND crema_warning_options -Wno-pass-failed)
endif()
function(crema_warnings target)
  target_compile_options(${target} PRIVATE ${crema_warning_options})
  if(CREMA_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# How every target of src/ is compiled.
function(crema_set_up target)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:crema_dependencies>)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/proto> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/crema>)
  target_compile_definitions(${target} PRIVATE ${ARGN} CREMA_VERSION="${PROJECT_VERSION}")
  crema_warnings(${target})
  target_compile_options(${target} PRIVATE -fno-math-errno -fno-trapping-math)
  if(CREMA_NATIVE)
    target_compile_options(${target} PRIVATE -march=native)
  endif()
  add_dependencies(${target} crema_proto)
endfunction()

# add_crema_library(NAME FOLDERS folder... [DEFINITIONS definition...]): a shared library from those folders of src/,
# from the layers, and from the objects that all libraries have in common. Layers and solvers register themselves from
# static objects, which a linker would drop from a static archive. So their objects go into a shared library.
function(add_crema_library name)
  cmake_parse_arguments(library "" "" "FOLDERS;DEFINITIONS" ${ARGN})
  list(TRANSFORM library_FOLDERS REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/src/\\1/*.cpp" OUTPUT_VARIABLE core_patterns)
  file(GLOB core_sources CONFIGURE_DEPENDS ${core_patterns})
  file(GLOB layer_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/layers/*.cpp)
  add_library(${name}_layers OBJECT ${layer_sources})
  add_library(${name} SHARED ${core_sources} $<TARGET_OBJECTS:${name}_layers> $<TARGET_OBJECTS:crema_common>
    $<TARGET_OBJECTS:crema_proto>)
  crema_set_up(${name}_layers ${library_DEFINITIONS})
  crema_set_up(${name} ${library_DEFINITIONS})
  # Headers that every layer and many other files include. Reading them takes longer than compiling most of these files.
  target_precompile_headers(${name}_layers PRIVATE ${PROJECT_SOURCE_DIR}/src/core/layer.h)
  target_precompile_headers(${name} REUSE_FROM ${name}_layers)
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf fmt::fmt spdlog::spdlog OpenMP::OpenMP_CXX)
  # Clang links a sanitizer's runtime only to programs, not to shared libraries.
  if(NOT (CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CMAKE_CXX_FLAGS MATCHES "-fsanitize"))
    target_link_options(${name} PRIVATE -Wl,--no-undefined)
  endif()
  set_target_properties(${name} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0
    BUILD_RPATH ${CREMA_BLAS_FOLDER} INSTALL_RPATH ${CREMA_BLAS_FOLDER})
endfunction()
