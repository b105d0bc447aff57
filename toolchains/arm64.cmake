set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(NODEPROOF_ARCH arm64)
set(NODEPROOF_TRIPLE aarch64-linux-gnu)
# Plain ARMv8.0-A, so that it runs on a Pi 3. Outline atomics take LSE where the CPU has it. Return-address signing
# and branch targets are in the hint space: no-ops on older CPUs.
set(NODEPROOF_ARCH_FLAGS "-march=armv8-a -moutline-atomics -mbranch-protection=standard")
set(NODEPROOF_EMULATOR qemu-aarch64-static)
include(${CMAKE_CURRENT_LIST_DIR}/../cross/clang.cmake)
