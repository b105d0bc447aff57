// ELF files (System V gABI, chapters 4 and 5) read through their program headers, as kernel and
// loader do, so that stripped and section-less files work; .ARM.attributes alone is a section.
// Every offset and count is checked: hostile input is an error, never more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes.hpp"

namespace nodeproof::elf {

// e_machine
inline constexpr std::uint16_t kMachine386 = 3;
inline constexpr std::uint16_t kMachineArm = 40;
inline constexpr std::uint16_t kMachineX86_64 = 62;
inline constexpr std::uint16_t kMachineAArch64 = 183;
inline constexpr std::uint16_t kMachineRiscV = 243;
inline constexpr std::uint16_t kMachineBpf = 247;
// e_type
inline constexpr std::uint16_t kTypeRelocatable = 1;
inline constexpr std::uint16_t kTypeExecutable = 2;
inline constexpr std::uint16_t kTypeShared = 3;
inline constexpr std::uint16_t kTypeCore = 4;

// GNU_PROPERTY_X86_ISA_1_NEEDED (x86-64 psABI, "Program Property")
inline constexpr std::uint32_t kX86Baseline = 1, kX86V2 = 2, kX86V3 = 4, kX86V4 = 8;
// Tag_CPU_arch
inline constexpr unsigned kArmV5TE = 4, kArmV6 = 6, kArmV6KZ = 7, kArmV6K = 9, kArmV7 = 10,
                          kArmV8 = 14;

struct Header {
  unsigned bits = 0;  // 32 or 64
  bool big_endian = false;
  std::uint8_t os_abi = 0;
  std::uint16_t type = 0;
  std::uint16_t machine = 0;
  std::uint32_t flags = 0;
  friend bool operator==(const Header&, const Header&) = default;
};

struct Segment {  // a PT_LOAD
  std::uint32_t flags = 0;
  std::uint64_t offset = 0, address = 0, file_size = 0, memory_size = 0, alignment = 0;
  friend bool operator==(const Segment&, const Segment&) = default;
};

// What a file wants of a library (.gnu.version_r); versions that may be absent (weak) are left out.
struct VersionsNeeded {
  std::string library;  // as in DT_NEEDED
  std::vector<std::string> versions;
  friend bool operator==(const VersionsNeeded&, const VersionsNeeded&) = default;
};

// What loader and kernel are told.
struct Facts {
  Header header;
  std::string interpreter;  // PT_INTERP; "" = none
  bool dynamic = false;     // has PT_DYNAMIC
  bool pie = false;         // DF_1_PIE
  std::string soname;
  std::string rpath;    // DT_RPATH as written
  std::string runpath;  // DT_RUNPATH as written
  std::vector<std::string> needed;
  std::vector<Segment> loads;  // in the file's order
  std::vector<VersionsNeeded> versions_needed;
  std::vector<std::string> versions_defined;  // .gnu.version_d, the file's own name left out
  std::uint64_t tls_size = 0;                 // PT_TLS, bytes in memory
  // DF_STATIC_TLS, or on AArch64 relocations that mean it: its variables must fit into what the
  // loader set aside at the start.
  bool static_tls = false;
  std::string kernel;  // the oldest Linux it runs on, "3.7.0" (NT_GNU_ABI_TAG); "" = not said
  std::uint32_t x86_needed = 0;  // bits of GNU_PROPERTY_X86_ISA_1_NEEDED: kX86Baseline ...
  // Tag_CPU_arch of .ARM.attributes (Addenda to the ABI for the Arm Architecture, 3.3.5.2)
  std::optional<unsigned> arm_architecture;
  friend bool operator==(const Facts&, const Facts&) = default;
};

// Enough for read_header: the larger of Elf32_Ehdr and Elf64_Ehdr.
inline constexpr std::size_t kHeaderBytes = 64;

[[nodiscard]] bool has_magic(Bytes start);
// Errc::corrupt also for a file that ends inside its header.
Result<Header> read_header(const ByteSource& source);
Result<Facts> read(const ByteSource& source);

// "x86-64", "AArch64", ... or "machine 4711".
[[nodiscard]] std::string machine_name(std::uint16_t machine);
// "e_machine 62 (x86-64), 64-bit little-endian"
[[nodiscard]] std::string describe(const Header& header);

// GOARCH as OCI platforms write it; "" = no architecture Linux containers run on (BPF, GPU code,
// firmware cores ...).
[[nodiscard]] std::string oci_architecture(const Header& header);
// bits, big_endian and machine only; nullopt for an architecture not known here.
[[nodiscard]] std::optional<Header> header_of(std::string_view oci_architecture);

}  // namespace nodeproof::elf
