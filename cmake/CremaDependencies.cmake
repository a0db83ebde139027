# Options and the libraries behind them. The target crema_dependencies carries what src/ needs.

option(CREMA_TESTS "Build the tests" ON)
option(CREMA_STUDIES "Build the programs in studies/" ON)
option(CREMA_BENCHMARKS "Build the kernel benchmarks (needs Google Benchmark)" OFF)
option(CREMA_WERROR "Treat warnings as errors" OFF)
option(CREMA_NATIVE "Compile for this machine's processor; OFF for packages that run on others" ON)
option(CREMA_ONEDNN "oneDNN engine; without it every layer runs on the plain path" ON)
option(CREMA_LMDB "LMDB databases as a source of the Data layer" ON)
option(CREMA_LEVELDB "LevelDB databases as a source of the Data layer" ON)
option(CREMA_GRAPHVIZ "Graphviz: SVG output of 'crema draw'" ON)
option(CREMA_OPENCV "OpenCV: image files, encoded images in databases, PNG contact sheets of 'crema show'" ON)

include(CremaVersions)

find_package(Threads REQUIRED)
find_package(OpenMP 4.5 REQUIRED COMPONENTS CXX)
find_package(Protobuf REQUIRED)
crema_check_version("Protocol Buffers" "${Protobuf_VERSION}" 3.21 3.22)
find_package(spdlog 1.10 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(ZLIB 1.2 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(HDF5 1.10 REQUIRED COMPONENTS C)
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)

# OpenBLAS's OpenMP build: its threads are the ones that crema and oneDNN use. Debian keeps it in a folder of its own,
# under the same SONAME as the default (pthread) build, hence the run path.
find_library(CREMA_OPENBLAS openblas PATH_SUFFIXES openblas-openmp ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp
  PATHS /usr/lib /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE} NO_DEFAULT_PATH)
if(NOT CREMA_OPENBLAS)
  find_library(CREMA_OPENBLAS openblas REQUIRED)
  message(STATUS "OpenBLAS: no OpenMP build found (libopenblas-openmp-dev); using ${CREMA_OPENBLAS}")
endif()
find_path(CREMA_CBLAS_INCLUDE_DIR cblas.h REQUIRED
  HINTS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp /usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
crema_read_version(openblas_version ${CREMA_CBLAS_INCLUDE_DIR}/openblas_config.h OPENBLAS_VERSION)
crema_check_version(OpenBLAS "${openblas_version}" 0.3.20)
get_filename_component(CREMA_BLAS_FOLDER ${CREMA_OPENBLAS} DIRECTORY)

add_library(crema_dependencies INTERFACE)
target_include_directories(crema_dependencies SYSTEM INTERFACE ${RANDOM123_INCLUDE_DIR} ${CREMA_CBLAS_INCLUDE_DIR}
  ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(crema_dependencies INTERFACE protobuf::libprotobuf fmt::fmt spdlog::spdlog OpenMP::OpenMP_CXX
  ZLIB::ZLIB nlohmann_json::nlohmann_json ${HDF5_C_LIBRARIES} ${CREMA_OPENBLAS} Threads::Threads)

# Each optional library defines CREMA_WITH_<NAME>, or prints what is missing without it.
if(CREMA_ONEDNN)
  # Searched by name, because the CMake package file that Debian ships asks for OpenCL, which the library does not use.
  find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp REQUIRED)
  find_library(DNNL_LIBRARY dnnl REQUIRED)
  crema_read_version(dnnl_version ${DNNL_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h
    DNNL_VERSION_MAJOR DNNL_VERSION_MINOR DNNL_VERSION_PATCH)
  crema_check_version(oneDNN "${dnnl_version}" 2.6 4)
  target_include_directories(crema_dependencies SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
  target_link_libraries(crema_dependencies INTERFACE ${DNNL_LIBRARY})
  target_compile_definitions(crema_dependencies INTERFACE CREMA_WITH_ONEDNN)
else()
  message(STATUS "oneDNN is off: every layer runs on the plain path, --engine onednn is refused")
endif()

if(CREMA_LMDB)
  find_path(LMDB_INCLUDE_DIR lmdb.h REQUIRED)
  find_library(LMDB_LIBRARY lmdb REQUIRED)
  crema_read_version(lmdb_version ${LMDB_INCLUDE_DIR}/lmdb.h MDB_VERSION_MAJOR MDB_VERSION_MINOR MDB_VERSION_PATCH)
  crema_check_version(LMDB "${lmdb_version}" 0.9.24)
  target_include_directories(crema_dependencies SYSTEM INTERFACE ${LMDB_INCLUDE_DIR})
  target_link_libraries(crema_dependencies INTERFACE ${LMDB_LIBRARY})
  target_compile_definitions(crema_dependencies INTERFACE CREMA_WITH_LMDB)
else()
  message(STATUS "LMDB is off: Data layers with backend: LMDB are refused")
endif()

if(CREMA_LEVELDB)
  # By name, too: Debian's CMake package file asks for Snappy's development package, on which LevelDB's package does not
  # depend.
  find_path(LEVELDB_INCLUDE_DIR leveldb/db.h REQUIRED)
  find_library(LEVELDB_LIBRARY leveldb REQUIRED)
  crema_read_version(leveldb_version ${LEVELDB_INCLUDE_DIR}/leveldb/db.h kMajorVersion kMinorVersion)
  crema_check_version(LevelDB "${leveldb_version}" 1.23)
  target_include_directories(crema_dependencies SYSTEM INTERFACE ${LEVELDB_INCLUDE_DIR})
  target_link_libraries(crema_dependencies INTERFACE ${LEVELDB_LIBRARY})
  target_compile_definitions(crema_dependencies INTERFACE CREMA_WITH_LEVELDB)
else()
  message(STATUS "LevelDB is off: Data layers with backend: LEVELDB are refused")
endif()

if(CREMA_OPENCV)
  # By name, too: OpenCV's CMake package files are in a Debian package that pulls in every OpenCV module.
  find_path(OPENCV_INCLUDE_DIR opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4 REQUIRED)
  target_include_directories(crema_dependencies SYSTEM INTERFACE ${OPENCV_INCLUDE_DIR})
  crema_read_version(opencv_version ${OPENCV_INCLUDE_DIR}/opencv2/core/version.hpp
    CV_VERSION_MAJOR CV_VERSION_MINOR CV_VERSION_REVISION)
  crema_check_version(OpenCV "${opencv_version}" 4.6)
  foreach(module core imgproc imgcodecs)
    find_library(OPENCV_${module}_LIBRARY opencv_${module} REQUIRED)
    target_link_libraries(crema_dependencies INTERFACE ${OPENCV_${module}_LIBRARY})
  endforeach()
  target_compile_definitions(crema_dependencies INTERFACE CREMA_WITH_OPENCV)
else()
  message(STATUS "OpenCV is off: image files, in databases or not, and contact sheets of 'crema show' are refused")
endif()

# Only the tool uses Graphviz.
if(CREMA_GRAPHVIZ)
  find_path(GRAPHVIZ_INCLUDE_DIR graphviz/gvc.h REQUIRED)
  find_library(GRAPHVIZ_gvc_LIBRARY gvc REQUIRED)
  find_library(GRAPHVIZ_cgraph_LIBRARY cgraph REQUIRED)
  crema_read_version(graphviz_version ${GRAPHVIZ_INCLUDE_DIR}/graphviz/graphviz_version.h PACKAGE_VERSION)
  crema_check_version(Graphviz "${graphviz_version}" 2.42)
else()
  message(STATUS "Graphviz is off: 'crema draw' writes DOT text alone")
endif()
