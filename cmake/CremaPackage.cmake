# Debian packages by cpack -G DEB: crema (the tool and its library) and libcrema-dev (headers, find_package). The preset
# "package" sets the prefix and compiles for every processor; scripts/package.sh does everything.
set(CREMA_MAINTAINER "The crema authors <nobody@crema.invalid>" CACHE STRING "Maintainer that the packages name")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME crema)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "trains and runs neural networks written as text")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_FILE_NAME crema)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)  # one package for each component
set(CPACK_DEB_COMPONENT_INSTALL ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${CREMA_MAINTAINER}")
set(CPACK_STRICT_PERMISSIONS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME crema)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION science)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/deb/triggers)
# Both builds of OpenBLAS have one SONAME, so dpkg-shlibdeps cannot know that crema needs the OpenMP build.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS libopenblas0-openmp)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Nets and solvers are Caffe's prototxt files.
 One command trains, tests, checks, times, draws and plots them, on the CPU,
 with oneDNN and OpenBLAS.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libcrema-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
  "crema (= ${PROJECT_VERSION}), libprotobuf-dev, libfmt-dev, libspdlog-dev, libhdf5-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION "Headers, the schema, and a package for CMake's find_package(crema).")

# Files that Debian's rules want in addition to those that "cmake --install" installs.
set(package_folder ${PROJECT_SOURCE_DIR}/cmake/deb)
string(TIMESTAMP CREMA_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(pair "runtime:crema" "dev:libcrema-dev")
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 CREMA_PACKAGE)
  set(made ${CMAKE_BINARY_DIR}/deb/${CREMA_PACKAGE})
  configure_file(${package_folder}/changelog.in ${made}/changelog @ONLY)
  execute_process(COMMAND gzip -9nf ${made}/changelog)
  configure_file(${package_folder}/overrides.in ${made}/overrides @ONLY)
  install(FILES ${package_folder}/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CREMA_PACKAGE}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES ${made}/changelog.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CREMA_PACKAGE}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES ${made}/overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME ${CREMA_PACKAGE}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()
include(CPack)
