// The first bytes of a program file: class and machine (ELF gABI, e_ident and e_machine).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace nodeproof::host {

struct ProgramIdent {
  unsigned bits = 0;  // 0 = no ELF file, or not readable
  std::uint16_t machine = 0;
};

[[nodiscard]] ProgramIdent program_ident(const std::filesystem::path& path);
[[nodiscard]] ProgramIdent program_ident(std::string_view bytes);

// uname -m as a kernel for this e_machine calls itself; "" = not known here.
[[nodiscard]] std::string machine_name(const ProgramIdent& ident);

// The other way round; 0 = not known here.
[[nodiscard]] std::uint16_t machine_number(std::string_view machine);

struct Userland {
  unsigned bits = 0;
  std::string source;  // the file that told it
};

// PID 1's program, else the shell, else dpkg's own architecture.
[[nodiscard]] Userland read_userland(const std::filesystem::path& root);

// /proc/sys/kernel/arch (Linux >= 6.1), else the running program's ELF machine.
[[nodiscard]] std::string read_machine(const std::filesystem::path& root);

}  // namespace nodeproof::host
