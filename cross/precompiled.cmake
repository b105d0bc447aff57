# Precompiled standard headers: they are most of what the compiler reads. They lie in the cache, outside the checkout and named
# by their recipe, so that ccache finds what another checkout has compiled.

# _nodeproof_precompile(OUT "NAME..." FLAG...): each precompiled/NAME.hpp, with the target's flags and FLAGs; OUT is its path.
function(_nodeproof_precompile out names)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}")
  get_directory_property(options COMPILE_OPTIONS)
  list(FILTER options EXCLUDE REGEX "^-ffile-prefix-map=|^-fsanitize-ignorelist=")  # of this checkout, and nothing to headers
  get_directory_property(definitions COMPILE_DEFINITIONS)
  list(TRANSFORM definitions PREPEND -D)
  set(command ${CMAKE_CXX_COMPILER} --target=${NODEPROOF_TRIPLE} --sysroot=${NODEPROOF_SYSROOT} ${flags} ${options} ${definitions}
      ${ARGN} -std=c++2b -Werror -fpch-instantiate-templates -Xclang -fno-pch-timestamp -x c++-header)
  set(text "")
  foreach(part IN LISTS names)
    file(READ ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/precompiled/${part}.hpp own)
    string(APPEND text "${own}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/precompiled/${part}.hpp)
  endforeach()
  list(GET names -1 name)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} --version OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
  string(SHA256 key "${version};${command};${text}")
  string(SUBSTRING ${key} 0 16 key)
  # Beside the sysroot: cross/lib.bash says where that is.
  cmake_path(SET folder NORMALIZE ${NODEPROOF_SYSROOT}/../../precompiled-${key})
  if(NOT EXISTS ${folder}/${name}.pch)
    string(RANDOM LENGTH 8 random)
    file(MAKE_DIRECTORY ${folder})
    # Another checkout may be at it, too: each file comes whole.
    file(WRITE ${folder}/${random}.hpp "${text}")
    file(RENAME ${folder}/${random}.hpp ${folder}/${name}.hpp NO_REPLACE RESULT there_already)
    file(REMOVE ${folder}/${random}.hpp)
    execute_process(COMMAND ${command} ${folder}/${name}.hpp -o ${folder}/${random} COMMAND_ERROR_IS_FATAL ANY)
    file(RENAME ${folder}/${random} ${folder}/${name}.pch)
  endif()
  set(${out} ${folder}/${name}.pch PARENT_SCOPE)
endfunction()

set(NODEPROOF_TEST_OPTIONS -O0 -U_FORTIFY_SOURCE)
_nodeproof_precompile(NODEPROOF_LIBRARY_PCH "library")
_nodeproof_precompile(NODEPROOF_TEST_PCH "library;test" ${NODEPROOF_TEST_OPTIONS})

function(_nodeproof_use_precompiled target pch)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-include-pch> $<$<COMPILE_LANGUAGE:CXX>:${pch}>)
endfunction()
