# The libraries of others, each as third_party::NAME, to be linked by the one library of ours that includes it.
# Debian's own CMake files are not used: they know neither a sysroot nor static linking.

execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/where ${NODEPROOF_ARCH} --drift COMMAND_ERROR_IS_FATAL ANY)

# CMake keeps the toolchain's flags of its first run, and ccache takes no notice of the paths mapped there: another
# checkout would get objects with paths of this machine in them.
foreach(_root ${NODEPROOF_SYSROOT} ${NODEPROOF_DEPS})
  string(FIND "${CMAKE_CXX_FLAGS}" "-ffile-prefix-map=${_root}=" _mapped)
  if(_mapped EQUAL -1)
    message(FATAL_ERROR "The sysroot or the libraries have changed since this folder was configured: run cmake --fresh --preset NAME")
  endif()
endforeach()

set(_lib ${NODEPROOF_SYSROOT}/usr/lib/${NODEPROOF_TRIPLE})

function(_third_party name)  # ARCHIVES...: in the order the linker reads them
  add_library(third_party_${name} INTERFACE)
  add_library(third_party::${name} ALIAS third_party_${name})
  foreach(archive IN LISTS ARGN)
    if(NOT EXISTS ${archive})
      message(FATAL_ERROR "${archive} is missing: run cross/prepare ${NODEPROOF_ARCH}")
    endif()
  endforeach()
  target_link_libraries(third_party_${name} INTERFACE ${ARGN})
endfunction()

# lld remembers every archive it has seen, so neither order nor groups matter here.
file(GLOB _absl ${_lib}/libabsl_*.a)
list(SORT _absl)
_third_party(zlib ${_lib}/libz.a)
_third_party(zstd ${_lib}/libzstd.a)
_third_party(isal ${NODEPROOF_DEPS}/lib/libisal.a)
_third_party(archive ${_lib}/libarchive.a ${_lib}/libz.a)  # readers of tar and raw, the writer of tar.gz, that of disks without libacl
_third_party(protobuf ${_lib}/libprotobuf.a ${_lib}/libz.a)
_third_party(grpc ${_lib}/libgrpc++_unsecure.a ${_lib}/libgrpc_unsecure.a ${_lib}/libgpr.a ${_lib}/libaddress_sorting.a
             ${_lib}/libupb.a ${_lib}/libprotobuf.a ${_lib}/libcares.a ${_lib}/libre2.a ${_lib}/libz.a ${_absl})
set(_mbedtls ${NODEPROOF_DEPS}/lib/libmbedtls.a ${NODEPROOF_DEPS}/lib/libmbedx509.a ${NODEPROOF_DEPS}/lib/libmbedcrypto.a)
_third_party(mbedtls ${_mbedtls})
_third_party(openssl ${_lib}/libcrypto.a)  # for its SHA-256 alone
_third_party(xxhash ${_lib}/libxxhash.a)
_third_party(curl ${NODEPROOF_DEPS}/lib/libcurl.a ${_mbedtls} ${_lib}/libnghttp2.a ${_lib}/libcares.a)
target_compile_definitions(third_party_curl INTERFACE CURL_STATICLIB)
_third_party(re2 ${_lib}/libre2.a)
_third_party(rapidjson)
_third_party(tomlplusplus)
_third_party(yaml ${_lib}/libyaml.a)
_third_party(seccomp ${_lib}/libseccomp.a)
_third_party(boost)
# Function names with a lambda in them hold a path as the compiler was called with: not the same in every folder.
target_compile_definitions(third_party_boost INTERFACE BOOST_DISABLE_CURRENT_LOCATION)
_third_party(cli11)
_third_party(gtest ${_lib}/libgmock.a ${_lib}/libgtest.a ${_lib}/libgtest_main.a)

# Headers in the sysroot are system headers by themselves; those of our own builds have to be named.
foreach(name mbedtls curl isal)
  target_include_directories(third_party_${name} SYSTEM INTERFACE ${NODEPROOF_DEPS}/include)
endforeach()
