#include "agent/host/program.hpp"

#include <array>
#include <fstream>

#include "agent/host/text_files.hpp"

namespace nodeproof::host {
namespace {

constexpr std::size_t kIdentSize = 20;  // up to and with e_machine

struct MachineName {
  std::uint16_t machine;
  unsigned bits;
  std::string_view name;
};

constexpr std::array<MachineName, 8> kMachines = {{{183, 64, "aarch64"},
                                                   {62, 64, "x86_64"},
                                                   {40, 32, "armv7l"},
                                                   {3, 32, "i686"},
                                                   {243, 64, "riscv64"},
                                                   {21, 64, "ppc64le"},
                                                   {22, 64, "s390x"},
                                                   {258, 64, "loongarch64"}}};

// dpkg writes the package architecture of the system itself first.
unsigned bits_of_dpkg(const std::filesystem::path& root) {
  const std::string text = read_text(root / "var/lib/dpkg/arch");
  const auto lines = lines_of(text);
  if (lines.empty()) return 0;
  const std::string_view native = lines.front();
  if (native == "armhf" || native == "armel" || native == "i386") return 32;
  return native == "arm64" || native == "amd64" || native == "riscv64" ? 64 : 0;
}

}  // namespace

ProgramIdent program_ident(std::string_view bytes) {
  if (bytes.size() < kIdentSize || !bytes.starts_with("\x7f"
                                                      "ELF")) {
    return {};
  }
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(bytes[i]));
  };
  const bool big_endian = byte(5) == 2;
  ProgramIdent ident;
  ident.bits = byte(4) == 1 ? 32 : byte(4) == 2 ? 64 : 0;
  ident.machine = static_cast<std::uint16_t>(big_endian ? byte(18) << 8U | byte(19)
                                                        : byte(19) << 8U | byte(18));
  return ident;
}

ProgramIdent program_ident(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, kIdentSize> head{};
  if (!file.read(head.data(), head.size())) return {};
  return program_ident(std::string_view(head.data(), head.size()));
}

std::string machine_name(const ProgramIdent& ident) {
  for (const MachineName& known : kMachines) {
    if (known.machine == ident.machine && known.bits == ident.bits) return std::string(known.name);
  }
  return {};
}

std::uint16_t machine_number(std::string_view machine) {
  for (const MachineName& known : kMachines) {
    if (known.name == machine) return known.machine;
  }
  return 0;
}

Userland read_userland(const std::filesystem::path& root) {
  for (const std::string_view file : {"proc/1/exe", "bin/sh"}) {
    const ProgramIdent ident = program_ident(root / file);
    if (ident.bits != 0) return {ident.bits, "/" + std::string(file)};
  }
  const unsigned bits = bits_of_dpkg(root);
  if (bits != 0) return {bits, "/var/lib/dpkg/arch"};
  return {};
}

std::string read_machine(const std::filesystem::path& root) {
  std::string machine = read_text(root / "proc/sys/kernel/arch");
  if (!machine.empty()) return machine;
  for (const std::string_view file : {"proc/self/exe", "proc/1/exe"}) {
    machine = machine_name(program_ident(root / file));
    if (!machine.empty()) return machine;
  }
  return {};
}

}  // namespace nodeproof::host
