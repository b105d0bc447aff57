# Writes OUTPUT: rows {number, name} of the system calls that the sysroot's kernel headers name, for syscall_names.cpp.
# The compiler's own preprocessor is asked, so that arm64's generic header comes out for its width.
function(nodeproof_syscall_rows OUTPUT HEADER)
  execute_process(
    COMMAND ${CMAKE_CXX_COMPILER} --target=${CMAKE_CXX_COMPILER_TARGET} --sysroot=${CMAKE_SYSROOT} -E -dM -x c
            -include ${HEADER} /dev/null
    OUTPUT_VARIABLE macros COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "#define __NR_[a-z_0-9]+ [^\n]+" lines "${macros}")
  set(rows "")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "#define __NR_([a-z_0-9]+) (.*)" "\\1;\\2" parts "${line}")
    list(GET parts 0 name)
    list(GET parts 1 value)
    # One level of names is enough: __NR_fcntl is __NR3264_fcntl, which is 25.
    if(value MATCHES "^__NR" AND macros MATCHES "#define ${value} ([0-9]+)\n")
      set(value ${CMAKE_MATCH_1})
    endif()
    string(REPLACE "__X32_SYSCALL_BIT" "0x40000000" value "${value}")
    if(value MATCHES "^[0-9x()+ ]+$")
      list(APPEND rows "{${value}, \"${name}\"},")
    endif()
  endforeach()
  list(LENGTH rows count)
  if(count LESS 250)
    message(FATAL_ERROR "${HEADER} names ${count} system calls only")
  endif()
  list(SORT rows)
  list(JOIN rows "\n" text)
  file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "${text}\n" @ONLY)
endfunction()
