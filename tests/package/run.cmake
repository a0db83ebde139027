# Installs the build in BUILD to a folder of its own, builds the project in SOURCE against it, and runs that. It has to know
# as many layer types as there are layers in LAYERS.
set(folder ${BUILD}/tests/package)
file(REMOVE_RECURSE ${folder})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  message("${output}")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed (${result}): ${ARGN}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${folder}/installed)
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${folder}/build -G ${GENERATOR} -D CMAKE_PREFIX_PATH=${folder}/installed
  -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_CXX_FLAGS=${FLAGS})
run(${CMAKE_COMMAND} --build ${folder}/build)
run(${folder}/build/outside)

# Registrations in the source text; one statement may hold several: RegisterLayer<Elu> elu("ELU"), selu("SELU");
set(registered 0)
file(GLOB layers ${LAYERS}/*.cpp)
foreach(layer ${layers})
  file(READ ${layer} text)
  string(REGEX MATCHALL "RegisterLayer<[^;]*" statements "${text}")
  string(REGEX MATCHALL "\\(\"" names "${statements}")
  list(LENGTH names count)
  math(EXPR registered "${registered} + ${count}")
endforeach()
if(NOT output MATCHES "(^|\n)${registered} layer types\n")
  message(FATAL_ERROR "the package does not know the ${registered} layer types of ${LAYERS}")
endif()
