#include "tests/fakes/elf_writer.hpp"

#include <utility>

namespace nodeproof::fakes {

namespace {

constexpr std::uint64_t kBase = 0x10000;  // virtual address of the file's first byte

class Writer {
 public:
  explicit Writer(const ElfSpec& spec) : spec_(spec) {}

  void number(std::uint64_t value, std::size_t length) {
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t shift = spec_.big_endian ? length - 1 - i : i;
      out_ += static_cast<char>((value >> (8 * shift)) & 0xff);
    }
  }
  void wide(std::uint64_t value) { number(value, spec_.bits / 8); }
  void text(const std::string& bytes) { out_ += bytes; }

  void program(std::uint32_t type, std::uint64_t offset, std::uint64_t size) {
    number(type, 4);
    if (spec_.bits == 64) number(5, 4);  // p_flags: R, X
    wide(offset);
    wide(kBase + offset);
    wide(kBase + offset);
    wide(size);
    wide(size);
    if (spec_.bits == 32) number(5, 4);
    wide(0x10000);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  const ElfSpec& spec_;
  std::string out_;
};

struct Strings {
  std::string table = std::string(1, '\0');
  std::uint64_t add(const std::string& text) {
    const std::uint64_t at = table.size();
    table += text + '\0';
    return at;
  }
};

using Entries = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Entries dynamic_entries(const ElfSpec& spec, Strings& strings) {
  Entries entries;
  for (const std::string& name : spec.needed) entries.emplace_back(1, strings.add(name));
  if (!spec.soname.empty()) entries.emplace_back(14, strings.add(spec.soname));
  if (!spec.rpath.empty()) entries.emplace_back(15, strings.add(spec.rpath));
  if (!spec.runpath.empty()) entries.emplace_back(29, strings.add(spec.runpath));
  if (spec.pie) entries.emplace_back(0x6ffffffb, 0x08000000);
  return entries;
}

}  // namespace

std::string make_elf(const ElfSpec& spec) {
  const bool wide = spec.bits == 64;
  Strings strings;
  Entries entries = dynamic_entries(spec, strings);
  const bool dynamic = !entries.empty() || !spec.interpreter.empty();
  const std::uint64_t programs = 1U + (spec.interpreter.empty() ? 0U : 1U) + (dynamic ? 1U : 0U);
  const std::uint64_t header = wide ? 64 : 52;
  const std::uint64_t entry = wide ? 56 : 32;
  const std::uint64_t interpreter_at = header + programs * entry;
  const std::uint64_t interpreter_size = spec.interpreter.empty() ? 0 : spec.interpreter.size() + 1;
  const std::uint64_t dynamic_at = interpreter_at + interpreter_size;
  const std::uint64_t dynamic_size = dynamic ? (entries.size() + 3) * spec.bits / 4 : 0;
  const std::uint64_t strings_at = dynamic_at + dynamic_size;
  entries.emplace_back(5, kBase + strings_at);
  entries.emplace_back(10, strings.table.size());
  entries.emplace_back(0, 0);

  Writer out(spec);
  out.text(std::string("\x7f") + "ELF");
  for (const unsigned value : {wide ? 2U : 1U, spec.big_endian ? 2U : 1U, 1U}) out.number(value, 1);
  out.text(std::string(9, '\0'));
  out.number(spec.type, 2);
  out.number(spec.machine, 2);
  out.number(1, 4);
  out.wide(kBase + header);  // e_entry
  out.wide(header);          // e_phoff
  out.wide(0);               // e_shoff
  out.number(spec.flags, 4);
  for (const std::uint64_t value : {header, entry, programs}) out.number(value, 2);
  out.text(std::string(6, '\0'));
  out.program(1, 0, strings_at + strings.table.size());
  if (interpreter_size > 0) out.program(3, interpreter_at, interpreter_size);
  if (dynamic) out.program(2, dynamic_at, dynamic_size);
  if (interpreter_size > 0) out.text(spec.interpreter + '\0');
  if (dynamic) {
    for (const auto& [tag, value] : entries) {
      out.wide(tag);
      out.wide(value);
    }
  }
  out.text(strings.table);
  return out.take();
}

}  // namespace nodeproof::fakes
