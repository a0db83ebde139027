# The tool, the library, its headers and a package for find_package(crema).
include(CMakePackageConfigHelpers)

install(TARGETS crema EXPORT crema_targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime
  NAMELINK_COMPONENT dev)
install(TARGETS crema_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(DIRECTORY src/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/crema COMPONENT dev FILES_MATCHING PATTERN "*.h")
install(DIRECTORY ${CMAKE_BINARY_DIR}/proto/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/crema COMPONENT dev
  FILES_MATCHING PATTERN "*.pb.h")
install(FILES proto/crema.proto proto/model.proto DESTINATION ${CMAKE_INSTALL_DATADIR}/crema/proto COMPONENT dev)

install(EXPORT crema_targets NAMESPACE crema:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/crema COMPONENT dev)
configure_package_config_file(cmake/crema-config.cmake.in ${CMAKE_BINARY_DIR}/crema-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/crema)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/crema-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/crema-config.cmake ${CMAKE_BINARY_DIR}/crema-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/crema COMPONENT dev)
include(CremaPackage)
