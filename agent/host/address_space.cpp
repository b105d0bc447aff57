#include "agent/host/address_space.hpp"

#include <bit>
#include <charconv>
#include <cstdint>

#include "agent/host/program.hpp"
#include "agent/host/text_files.hpp"

namespace nodeproof::host {
namespace {

// "7ffc67256000-7ffc67277000 rw-p ...": one behind the last address; 0 = no such line.
std::uint64_t end_of(std::string_view line) {
  const std::size_t dash = line.find('-');
  if (dash == std::string_view::npos) return 0;
  line.remove_prefix(dash + 1);
  std::uint64_t end = 0;
  const auto [stop, failure] = std::from_chars(line.data(), line.data() + line.size(), end, 16);
  return failure == std::errc() && stop != line.data() + line.size() && *stop == ' ' ? end : 0;
}

}  // namespace

unsigned read_va_bits(const std::filesystem::path& root) {
  if (is_emulated(root)) return 0;
  const std::string maps = read_text(root / "proc/self/maps");
  for (const std::string_view line : lines_of(maps)) {
    if (!line.ends_with("[stack]")) continue;
    const std::uint64_t end = end_of(line);
    return end == 0 ? 0 : static_cast<unsigned>(std::bit_width(end - 1));
  }
  return 0;
}

bool is_emulated(const std::filesystem::path& root) {
  const ProgramIdent said = program_ident(root / "proc/self/exe");
  const ProgramIdent real = program_ident(root / "proc/thread-self/exe");
  return said.bits != 0 && real.bits != 0 && said.machine != real.machine;
}

}  // namespace nodeproof::host
