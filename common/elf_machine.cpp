// Names and OCI architectures of ELF machines (gABI "Machine Information";
// linux/include/uapi/linux/elf-em.h).
#include <algorithm>
#include <array>

#include "common/elf.hpp"

namespace nodeproof::elf {

namespace {

struct MachineName {
  std::uint16_t machine;
  std::string_view name;
};

constexpr auto kNames = std::to_array<MachineName>({
    {0, "none"},          {2, "SPARC"},
    {kMachine386, "386"}, {4, "68000"},
    {8, "MIPS"},          {15, "PA-RISC"},
    {20, "PowerPC"},      {21, "PowerPC64"},
    {22, "S390"},         {kMachineArm, "ARM"},
    {42, "SuperH"},       {43, "SPARC V9"},
    {50, "IA-64"},        {kMachineX86_64, "x86-64"},
    {83, "AVR"},          {92, "OpenRISC"},
    {93, "ARC"},          {94, "Xtensa"},
    {105, "MSP430"},      {106, "Blackfin"},
    {164, "Hexagon"},     {kMachineAArch64, "AArch64"},
    {190, "CUDA"},        {195, "ARCv2"},
    {224, "AMD GPU"},     {kMachineRiscV, "RISC-V"},
    {kMachineBpf, "BPF"}, {252, "C-SKY"},
    {258, "LoongArch"},
});

struct Architecture {
  std::string_view name;  // GOARCH
  std::uint16_t machine;
  unsigned bits;
  bool big_endian;
};

constexpr auto kArchitectures = std::to_array<Architecture>({
    {"amd64", kMachineX86_64, 64, false},
    {"arm64", kMachineAArch64, 64, false},
    {"arm", kMachineArm, 32, false},
    {"386", kMachine386, 32, false},
    {"riscv64", kMachineRiscV, 64, false},
    {"ppc64le", 21, 64, false},
    {"ppc64", 21, 64, true},
    {"s390x", 22, 64, true},
    {"loong64", 258, 64, false},
    {"mips64le", 8, 64, false},
    {"mips64", 8, 64, true},
    {"mipsle", 8, 32, false},
    {"mips", 8, 32, true},
});

}  // namespace

std::string machine_name(std::uint16_t machine) {
  const auto* found = std::ranges::find(kNames, machine, &MachineName::machine);
  if (found != kNames.end()) return std::string(found->name);
  return "machine " + std::to_string(machine);
}

std::string describe(const Header& header) {
  return "e_machine " + std::to_string(header.machine) + " (" + machine_name(header.machine) +
         "), " + std::to_string(header.bits) + "-bit " +
         (header.big_endian ? "big-endian" : "little-endian");
}

std::string oci_architecture(const Header& header) {
  const auto* found = std::ranges::find_if(kArchitectures, [&](const Architecture& known) {
    return known.machine == header.machine && known.bits == header.bits &&
           known.big_endian == header.big_endian;
  });
  return found == kArchitectures.end() ? "" : std::string(found->name);
}

std::optional<Header> header_of(std::string_view oci_architecture) {
  const auto* found = std::ranges::find(kArchitectures, oci_architecture, &Architecture::name);
  if (found == kArchitectures.end()) return std::nullopt;
  Header header;
  header.bits = found->bits;
  header.big_endian = found->big_endian;
  header.machine = found->machine;
  return header;
}

}  // namespace nodeproof::elf
