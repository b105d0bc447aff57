// ELF files (System V gABI, chapters 4 and 5) read through their program headers only, as kernel
// and loader do, so that stripped and section-less files work. Every offset and count is checked:
// hostile input is an error, never more.
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

struct Header {
  unsigned bits = 0;  // 32 or 64
  bool big_endian = false;
  std::uint8_t os_abi = 0;
  std::uint16_t type = 0;
  std::uint16_t machine = 0;
  std::uint32_t flags = 0;
  friend bool operator==(const Header&, const Header&) = default;
};

// What loader and kernel are told, without the segments.
struct Facts {
  Header header;
  std::string interpreter;  // PT_INTERP; "" = none
  bool dynamic = false;     // has PT_DYNAMIC
  bool pie = false;         // DF_1_PIE
  std::string soname;
  std::string rpath;    // DT_RPATH as written
  std::string runpath;  // DT_RUNPATH as written
  std::vector<std::string> needed;
  friend bool operator==(const Facts&, const Facts&) = default;
};

struct Segment {  // a PT_LOAD
  std::uint32_t flags = 0;
  std::uint64_t offset = 0, address = 0, file_size = 0, memory_size = 0, alignment = 0;
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct File {
  Facts facts;
  std::vector<Segment> loads;
  friend bool operator==(const File&, const File&) = default;
};

// Enough for read_header: the larger of Elf32_Ehdr and Elf64_Ehdr.
inline constexpr std::size_t kHeaderBytes = 64;

[[nodiscard]] bool has_magic(Bytes start);
// Errc::corrupt also for a file that ends inside its header.
Result<Header> read_header(const ByteSource& source);
Result<File> read(const ByteSource& source);

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
