#include "agent/host/binfmt.hpp"

#include <algorithm>
#include <charconv>

#include "agent/host/program.hpp"
#include "agent/host/text_files.hpp"

namespace nodeproof::host {
namespace {

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(&text[i], &text[i] + 2, value, 16);
    if (error != std::errc() || end != &text[i] + 2) return {};
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

// The e_machine that the magic demands wholly; 0 when it leaves it open or is no ELF magic.
std::uint16_t machine_of(const std::string& magic, const std::string& mask) {
  for (const std::size_t i : {18U, 19U}) {
    if (i < mask.size() && static_cast<unsigned char>(mask[i]) != 0xFF) return 0;
  }
  return program_ident(std::string_view(magic)).machine;
}

}  // namespace

BinfmtHandler parse_binfmt(std::string name, std::string_view text) {
  BinfmtHandler handler;
  handler.name = std::move(name);
  std::string magic;
  std::string mask;
  bool at_start = true;
  for (const std::string_view line : lines_of(text)) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string_view key = line.substr(0, blank);
    const std::string_view value = line.substr(std::min(blank + 1, line.size()));
    if (key == "enabled") handler.enabled = true;
    if (key == "interpreter") handler.interpreter = value;
    if (key == "flags:") handler.flags = value;
    if (key == "offset") at_start = value == "0";
    if (key == "magic") magic = from_hex(value);
    if (key == "mask") mask = from_hex(value);
  }
  if (at_start) handler.elf_machine = machine_of(magic, mask);
  return handler;
}

std::vector<BinfmtHandler> read_binfmt(const std::filesystem::path& root) {
  const std::filesystem::path folder = root / "proc/sys/fs/binfmt_misc";
  const bool all_off = read_text(folder / "status") == "disabled";
  std::vector<BinfmtHandler> handlers;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name == "register" || name == "status") continue;
    handlers.push_back(parse_binfmt(name, read_text(it->path())));
    if (all_off) handlers.back().enabled = false;
  }
  std::ranges::sort(handlers, {}, &BinfmtHandler::name);
  return handlers;
}

}  // namespace nodeproof::host
