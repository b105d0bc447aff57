# ELF files of other processors, made of tests/fixtures/elf by the same clang and lld; freestanding, so that no sysroot
# of theirs is needed. Tests find them in NODEPROOF_OBJECTS.
set(NODEPROOF_OBJECTS ${CMAKE_CURRENT_BINARY_DIR}/objects)
file(MAKE_DIRECTORY ${NODEPROOF_OBJECTS})

# nodeproof_object(NAME TRIPLE triple SOURCES file... [FLAGS flag...] [AFTER object...])
function(nodeproof_object name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TRIPLE" "SOURCES;FLAGS;AFTER")
  list(TRANSFORM arg_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/tests/fixtures/elf/)
  list(TRANSFORM arg_AFTER PREPEND ${NODEPROOF_OBJECTS}/ OUTPUT_VARIABLE after)
  file(GLOB maps ${CMAKE_SOURCE_DIR}/tests/fixtures/elf/*.map)
  add_custom_command(OUTPUT ${NODEPROOF_OBJECTS}/${name} DEPENDS ${arg_SOURCES} ${after} ${maps} VERBATIM
    COMMAND ${CMAKE_C_COMPILER} --target=${arg_TRIPLE} -nostdlib -ffreestanding -fuse-ld=lld-19 -Wl,--build-id=none -O2 ${arg_FLAGS}
            -o ${NODEPROOF_OBJECTS}/${name} ${arg_SOURCES} ${after})
  set_property(GLOBAL APPEND PROPERTY nodeproof_objects ${NODEPROOF_OBJECTS}/${name})
endfunction()

# Makes the objects declared so far before the test that reads them.
function(nodeproof_uses_objects test)
  get_property(objects GLOBAL PROPERTY nodeproof_objects)
  add_custom_target(${test}_objects DEPENDS ${objects})
  add_dependencies(${test} ${test}_objects)
  target_compile_definitions(${test} PRIVATE NODEPROOF_OBJECTS="${NODEPROOF_OBJECTS}")
endfunction()
