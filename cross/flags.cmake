# How our own code is compiled and linked. The target's own flags are in cross/clang.cmake.

set(NODEPROOF_WARNINGS
    -Werror                # a warning nobody has to look at is noise
    -Wall -Wextra          # the common mistakes
    -Wshadow               # a name that hides another is read as the other
    -Wconversion           # sizes and offsets from outside must not lose bits silently
    -Wnon-virtual-dtor     # ports are deleted through their interface
    -Wformat=2             # format strings are literals
    -Wimplicit-fallthrough # a case that falls through says so
    -Wextra-semi           # noise that hides a missing statement
    -Wunused-result        # an ignored answer of write() or chown() is an ignored error
    -Wundef)               # a misspelt macro in #if is not 0
# Not for tests: GoogleTest's TEST() is a global with a constructor.
set(NODEPROOF_LIBRARY_WARNINGS
    -Wglobal-constructors) # only constexpr at namespace scope: no order of initialisation to get wrong

# Else clang finds GCC's files by the link /lib and names headers through it by "..", where ninja, which does not follow
# links, finds none: each build would compile everything again.
add_compile_options(-pthread --gcc-install-dir=${NODEPROOF_SYSROOT}/usr/lib/gcc/${NODEPROOF_TRIPLE}/12)

# The same commit gives the same bytes: no path of this machine, no time.
# ccache with a base directory hands the compiler relative paths: they are mapped to the same names.
file(RELATIVE_PATH _to_source ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${_to_source}/= -ffile-prefix-map=${CMAKE_BINARY_DIR}=build -Werror=date-time)

if(NODEPROOF_SANITIZE)
  # Sanitizers need the shared libc. -O1 keeps them fast enough; no fortify, which would hide calls from them.
  add_compile_options(-O1 -g1 -fno-omit-frame-pointer -fsanitize=${NODEPROOF_SANITIZE} -fno-sanitize-recover=all
                      -fsanitize-ignorelist=${CMAKE_SOURCE_DIR}/cross/sanitize-ignore.txt)
  add_link_options(-fsanitize=${NODEPROOF_SANITIZE} -Wl,--gc-sections)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
else()
  set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
  add_compile_definitions(_FORTIFY_SOURCE=3 _GLIBCXX_ASSERTIONS)
  # No CET: Debian 12's libraries do not carry the mark, and one object without it switches it off for all.
  add_link_options(-static-pie -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--build-id=sha1)
  if(NODEPROOF_ARCH STREQUAL arm64)
    # Loadable on kernels with 4, 16 and 64 KiB pages.
    add_link_options(-Wl,-z,max-page-size=65536 -Wl,-z,common-page-size=65536)
  endif()
endif()
