# The functions every folder's CMakeLists.txt uses to declare what it builds.

find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

# Sub-folders that exist; each declares its library.
function(nodeproof_folders)
  foreach(folder IN LISTS ARGN)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
      add_subdirectory(${folder})
    endif()
  endforeach()
endfunction()

function(_nodeproof_link target deps)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${target} PRIVATE ${NODEPROOF_WARNINGS})
  foreach(dep IN LISTS deps)
    if(dep MATCHES "^third_party::" OR dep MATCHES "_proto$")
      target_link_libraries(${target} PRIVATE ${dep})  # includable by this library only
    else()
      target_link_libraries(${target} PUBLIC ${dep})
    endif()
  endforeach()
endfunction()

# nodeproof_library(NAME SOURCES file.cpp... DEPS library...)
function(nodeproof_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  add_library(${name} STATIC ${arg_SOURCES})
  target_compile_options(${name} PRIVATE ${NODEPROOF_LIBRARY_WARNINGS})
  _nodeproof_link(${name} "${arg_DEPS}")
  _nodeproof_use_precompiled(${name} ${NODEPROOF_LIBRARY_PCH})
endfunction()

# Everything that is no unit test.
add_custom_target(programs)

# nodeproof_executable(NAME SOURCES file.cpp... DEPS library...): build/PRESET/NAME as shipped (stripped), with
# NAME.unstripped and NAME.map beside it for debuggers and for tests/architecture.
function(nodeproof_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  add_executable(${name} ${arg_SOURCES})
  add_dependencies(programs ${name})
  _nodeproof_link(${name} "${arg_DEPS}")
  _nodeproof_use_precompiled(${name} ${NODEPROOF_LIBRARY_PCH})
  set(out ${CMAKE_BINARY_DIR}/${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  if(NOT NODEPROOF_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,-Map=${out}.map)
    add_custom_command(TARGET ${name} POST_BUILD
      COMMAND ${CMAKE_COMMAND} -E copy ${out} ${out}.unstripped
      COMMAND ${CMAKE_STRIP} --strip-all ${out})
  endif()
endfunction()

# nodeproof_test(NAME [HEAVY] SOURCES file_test.cpp... DEPS library... [LABELS threads]): GoogleTest with its main.
# Tests are not optimised, which halves their compile time; HEAVY ones are, else they take minutes under qemu-user.
function(nodeproof_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "HEAVY" "" "SOURCES;DEPS;LABELS")
  add_executable(${name} ${arg_SOURCES})
  _nodeproof_link(${name} "${arg_DEPS}")
  if(arg_HEAVY)
    _nodeproof_use_precompiled(${name} ${NODEPROOF_LIBRARY_PCH})
  else()
    target_compile_options(${name} PRIVATE ${NODEPROOF_TEST_OPTIONS})
    _nodeproof_use_precompiled(${name} ${NODEPROOF_TEST_PCH})
  endif()
  target_link_libraries(${name} PRIVATE third_party::gtest)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS "unit;${arg_LABELS}" TIMEOUT 300
    ENVIRONMENT "TSAN_OPTIONS=halt_on_error=1 suppressions=${CMAKE_SOURCE_DIR}/cross/tsan-suppressions.txt;UBSAN_OPTIONS=print_stacktrace=1")
endfunction()

# nodeproof_python_test(NAME FILE file.py [LABELS label...] [TIMEOUT seconds] [ENVIRONMENT NAME=value...]):
# unittest of Python's standard library. A test that cannot run here exits 77: a skip that is seen.
function(nodeproof_python_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FILE;TIMEOUT" "LABELS;ENVIRONMENT")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 600)
  endif()
  add_test(NAME ${name} COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/${arg_FILE})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "NODEPROOF_BUILD=${CMAKE_BINARY_DIR};NODEPROOF_ARCH=${NODEPROOF_ARCH};NODEPROOF_SANITIZE=${NODEPROOF_SANITIZE};${arg_ENVIRONMENT}")
endfunction()

# nodeproof_build_info(TARGET): looks at the commit in every build; TARGET finds generated/build_info.inc.
function(nodeproof_build_info target)
  set(out ${CMAKE_BINARY_DIR}/generated/build_info.inc)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
  set(manifests "")
  foreach(root ${NODEPROOF_SYSROOT} ${NODEPROOF_DEPS} ${NODEPROOF_PROTOS})
    list(APPEND manifests ${root}/../manifest)
  endforeach()
  add_custom_target(${target}_build_info BYPRODUCTS ${out} VERBATIM
    COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/cross/build_info.py ${out} ${CMAKE_SOURCE_DIR}
            ${PROJECT_VERSION} ${NODEPROOF_ARCH} ${manifests})
  add_dependencies(${target} ${target}_build_info)
  target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR})
endfunction()

# All .proto files that FILE (relative to one of ROOTS) imports, FILE first. protobuf's own are in its library.
function(_nodeproof_proto_closure file roots out)
  set(todo ${file})
  set(done "")
  while(todo)
    list(POP_FRONT todo next)
    if(next IN_LIST done OR next MATCHES "^google/protobuf/")
      continue()
    endif()
    list(APPEND done ${next})
    find_file(found ${next} PATHS ${roots} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH NO_CACHE REQUIRED)
    file(STRINGS ${found} imports REGEX "^import ")
    unset(found)
    list(TRANSFORM imports REPLACE "^import [a-z ]*\"([^\"]+)\";.*" "\\1")
    list(APPEND todo ${imports})
  endwhile()
  set(${out} ${done} PARENT_SCOPE)
endfunction()

# nodeproof_proto(NAME PROTOS path...): messages and gRPC stubs of the .proto files and of what they import.
# Paths are relative to an import root: what cross/protos made (github.com/containerd/..., k8s.io/cri-api/...)
# or agent/containerd/proto. Include the results as "github.com/.../content.grpc.pb.h". NAME should end in _proto.
function(nodeproof_proto name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PROTOS")
  find_program(NODEPROOF_PROTOC protoc REQUIRED)
  find_program(NODEPROOF_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)
  set(roots ${CMAKE_SOURCE_DIR}/agent/containerd/proto ${NODEPROOF_PROTOS})
  set(files "")
  foreach(proto IN LISTS arg_PROTOS)
    _nodeproof_proto_closure(${proto} "${roots}" closure)
    list(APPEND files ${closure})
  endforeach()
  list(REMOVE_DUPLICATES files)
  set(out ${CMAKE_BINARY_DIR}/proto)
  file(MAKE_DIRECTORY ${out})
  list(TRANSFORM roots PREPEND -I OUTPUT_VARIABLE includes)
  set(sources "")
  foreach(file IN LISTS files)
    find_file(path ${file} PATHS ${roots} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH NO_CACHE REQUIRED)
    file(STRINGS ${path} services REGEX "^service ")
    string(REGEX REPLACE "\\.proto$" "" stem ${out}/${file})
    set(made ${stem}.pb.cc ${stem}.pb.h)
    set(grpc "")
    if(services)
      set(grpc --grpc_out=${out} --plugin=protoc-gen-grpc=${NODEPROOF_GRPC_PLUGIN})
      list(APPEND made ${stem}.grpc.pb.cc ${stem}.grpc.pb.h)
    endif()
    add_custom_command(OUTPUT ${made} DEPENDS ${path} VERBATIM
      COMMAND ${NODEPROOF_PROTOC} ${includes} -I${NODEPROOF_SYSROOT}/usr/include --cpp_out=${out} ${grpc} ${file})
    list(APPEND sources ${made})
    unset(path)
  endforeach()
  add_library(${name} STATIC ${sources})
  target_compile_options(${name} PRIVATE -w)  # generated
  if(NODEPROOF_SANITIZE MATCHES address)
    target_compile_options(${name} PRIVATE -fno-sanitize=all)  # as gRPC itself; takes half the time
  endif()
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC third_party::grpc)
endfunction()
