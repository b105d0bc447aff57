# What both toolchain files share: clang 19 and lld 19 with a sysroot made of Debian 12 packages (cross/sysroot).
# clang is a cross compiler by --target, so the build machine's own architecture does not matter.
set(CMAKE_SYSTEM_NAME Linux)
foreach(_name CFLAGS CXXFLAGS CPPFLAGS LDFLAGS)
  unset(ENV{${_name}})  # what somebody's shell happens to set is no part of the recipe
endforeach()
if(NOT NODEPROOF_SYSROOT)
  execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/where ${NODEPROOF_ARCH} OUTPUT_VARIABLE _where
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  list(GET _where 0 NODEPROOF_SYSROOT)
  list(GET _where 1 NODEPROOF_DEPS)
  list(GET _where 2 NODEPROOF_PROTOS)
endif()
if(NOT EXISTS ${NODEPROOF_SYSROOT})
  message(FATAL_ERROR "There is no sysroot for ${NODEPROOF_ARCH} yet: run cross/prepare ${NODEPROOF_ARCH}")
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES NODEPROOF_SYSROOT NODEPROOF_DEPS NODEPROOF_PROTOS)

set(CMAKE_C_COMPILER clang-19)
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_AR llvm-ar-19 CACHE STRING "")
set(CMAKE_RANLIB llvm-ranlib-19 CACHE STRING "")
set(CMAKE_STRIP llvm-strip-19 CACHE STRING "")
set(CMAKE_OBJCOPY llvm-objcopy-19 CACHE STRING "")
set(CMAKE_C_COMPILER_TARGET ${NODEPROOF_TRIPLE})
set(CMAKE_CXX_COMPILER_TARGET ${NODEPROOF_TRIPLE})
set(CMAKE_LIBRARY_ARCHITECTURE ${NODEPROOF_TRIPLE})
set(CMAKE_SYSROOT ${NODEPROOF_SYSROOT})
set(CMAKE_FIND_ROOT_PATH ${NODEPROOF_DEPS} ${NODEPROOF_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)

# The sysroot's path holds a user name and a hash; neither belongs into the binary.
string(CONCAT _flags "${NODEPROOF_ARCH_FLAGS} -fPIE -ffunction-sections -fdata-sections -fstack-protector-strong"
       " -ftrivial-auto-var-init=zero -ffile-prefix-map=${NODEPROOF_SYSROOT}=/sysroot -ffile-prefix-map=${NODEPROOF_DEPS}=/deps"
       " ${NODEPROOF_EXTRA_FLAGS}")
set(CMAKE_C_FLAGS_INIT "${_flags}")
set(CMAKE_CXX_FLAGS_INIT "${_flags}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld-19")

# Tests of a foreign target run under qemu-user.
cmake_host_system_information(RESULT _host QUERY OS_PLATFORM)
if(NOT _host STREQUAL CMAKE_SYSTEM_PROCESSOR)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${NODEPROOF_EMULATOR})
endif()
