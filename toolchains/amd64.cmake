set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(NODEPROOF_ARCH amd64)
set(NODEPROOF_TRIPLE x86_64-linux-gnu)
# x86-64-v1: every 64-bit PC.
set(NODEPROOF_ARCH_FLAGS "-march=x86-64 -mtune=generic")
set(NODEPROOF_EMULATOR qemu-x86_64-static)
include(${CMAKE_CURRENT_LIST_DIR}/../cross/clang.cmake)
