#include "tests/fakes/elf_writer.hpp"

#include <utility>

namespace nodeproof::fakes {

namespace {

class Writer {
 public:
  explicit Writer(const ElfSpec& spec) : spec_(spec) {}

  void number(std::uint64_t value, std::size_t length) { out_ += elf_number(spec_, value, length); }
  void wide(std::uint64_t value) { number(value, spec_.bits / 8); }
  void text(const std::string& bytes) { out_ += bytes; }

  void program(std::uint32_t type, std::uint64_t offset, std::uint64_t size) {
    number(type, 4);
    if (spec_.bits == 64) number(5, 4);  // p_flags: R, X
    wide(offset);
    wide(kElfBase + offset);
    wide(kElfBase + offset);
    wide(type == 7 ? 0 : size);  // PT_TLS is only memory
    wide(size);
    if (spec_.bits == 32) number(5, 4);
    wide(type == 4 ? 4 : 0x10000);
  }
  void section(const ElfSection& section, std::uint64_t offset) {
    number(0, 4);
    number(section.type, 4);
    wide(section.flags);
    wide((section.flags & 2) != 0 ? kElfBase + offset : 0);
    wide(offset);
    wide(section.content.size());
    for (const std::size_t length : {4U, 4U}) number(0, length);
    for (int i = 0; i < 2; ++i) wide(0);
  }
  [[nodiscard]] std::uint64_t size() const { return out_.size(); }
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
  if (spec.static_tls) entries.emplace_back(30, 0x10);
  if (spec.pie) entries.emplace_back(0x6ffffffb, 0x08000000);
  return entries;
}

std::string needed_table(const ElfSpec& spec, Strings& strings) {
  Writer out(spec);
  for (const auto& [library, versions] : spec.versions_needed) {
    const bool last = &library == &spec.versions_needed.back().library;
    out.number(1, 2);
    out.number(versions.size(), 2);
    out.number(strings.add(library), 4);
    out.number(16, 4);
    out.number(last ? 0 : 16 + 16 * versions.size(), 4);
    for (const std::string& version : versions) {
      const bool weak = version.starts_with('?');
      out.number(0, 4);
      out.number(weak ? 2 : 0, 2);
      out.number(2, 2);
      out.number(strings.add(version.substr(weak ? 1 : 0)), 4);
      out.number(&version == &versions.back() ? 0 : 16, 4);
    }
  }
  return out.take();
}

std::string defined_table(const ElfSpec& spec, Strings& strings) {
  Writer out(spec);
  for (const std::string& version : spec.versions_defined) {
    const bool base = &version == &spec.versions_defined.front();
    out.number(1, 2);
    out.number(base ? 1 : 0, 2);
    for (const std::uint64_t value : {2U, 1U}) out.number(value, 2);
    out.number(0, 4);
    out.number(20, 4);
    out.number(&version == &spec.versions_defined.back() ? 0 : 28, 4);
    out.number(strings.add(version), 4);
    out.number(0, 4);
  }
  return out.take();
}

// Where each part lies in the file, in this order.
struct Layout {
  explicit Layout(const ElfSpec& spec) : entries(dynamic_entries(spec, strings)) {
    needed = needed_table(spec, strings);
    defined = defined_table(spec, strings);
    dynamic = !entries.empty() || !spec.interpreter.empty() || !needed.empty() || !defined.empty();
    if (!needed.empty()) entries.emplace_back(0x6ffffffe, 0);
    if (!defined.empty()) entries.emplace_back(0x6ffffffc, 0);
    programs = 1U + (spec.interpreter.empty() ? 0U : 1U) + (dynamic ? 1U : 0U) +
               (spec.notes.empty() ? 0U : 1U) + (spec.tls_size == 0 ? 0U : 1U);
    interpreter_at = header(spec) + programs * entry(spec);
    interpreter_size = spec.interpreter.empty() ? 0 : spec.interpreter.size() + 1;
    notes_at = (interpreter_at + interpreter_size + (spec.notes.empty() ? 0 : 7)) &
               ~(spec.notes.empty() ? 0ULL : 7ULL);
    dynamic_at = notes_at + spec.notes.size();
    dynamic_size = dynamic ? (entries.size() + 3) * spec.bits / 4 : 0;
    needed_at = dynamic_at + dynamic_size;
    defined_at = needed_at + needed.size();
    strings_at = defined_at + defined.size();
    for (auto& [tag, value] : entries) {
      if (tag == 0x6ffffffe) value = kElfBase + needed_at;
      if (tag == 0x6ffffffc) value = kElfBase + defined_at;
    }
    entries.emplace_back(5, kElfBase + strings_at);
    entries.emplace_back(10, strings.table.size());
    entries.emplace_back(0, 0);
    end = strings_at + strings.table.size();
    if (spec.sections.empty()) return;
    for (const ElfSection& section : spec.sections) {
      end = (end + 7) / 8 * 8;
      sections_at.push_back(end);
      end += section.content.size();
    }
    end = (end + 7) / 8 * 8;
  }

  static std::uint64_t header(const ElfSpec& spec) { return spec.bits == 64 ? 64 : 52; }
  static std::uint64_t entry(const ElfSpec& spec) { return spec.bits == 64 ? 56 : 32; }

  Strings strings;
  Entries entries;
  std::string needed, defined;
  bool dynamic = false;
  std::uint64_t programs = 0;
  std::uint64_t interpreter_at = 0, interpreter_size = 0, notes_at = 0;
  std::uint64_t dynamic_at = 0, dynamic_size = 0, needed_at = 0, defined_at = 0, strings_at = 0;
  std::vector<std::uint64_t> sections_at;
  std::uint64_t end = 0;  // of the segment; the section headers follow
};

void write_header(const ElfSpec& spec, const Layout& at, Writer& out) {
  const bool wide = spec.bits == 64;
  const bool sections = spec.section_headers && !spec.sections.empty();
  out.text(std::string("\x7f") + "ELF");
  for (const unsigned value : {wide ? 2U : 1U, spec.big_endian ? 2U : 1U, 1U}) out.number(value, 1);
  out.text(std::string(9, '\0'));
  out.number(spec.type, 2);
  out.number(spec.machine, 2);
  out.number(1, 4);
  out.wide(kElfBase + Layout::header(spec));  // e_entry
  out.wide(Layout::header(spec));             // e_phoff
  out.wide(sections ? at.end : 0);            // e_shoff
  out.number(spec.flags, 4);
  for (const std::uint64_t value : {Layout::header(spec), Layout::entry(spec), at.programs}) {
    out.number(value, 2);
  }
  out.number(sections ? (wide ? 64 : 40) : 0, 2);
  out.number(sections ? spec.sections.size() + 1 : 0, 2);
  out.number(0, 2);
}

void write_sections(const ElfSpec& spec, const Layout& at, Writer& out) {
  for (std::size_t i = 0; i < spec.sections.size(); ++i) {
    out.text(std::string(at.sections_at[i] - out.size(), '\0'));
    out.text(spec.sections[i].content);
  }
  out.text(std::string(at.end - out.size(), '\0'));
  if (!spec.section_headers || spec.sections.empty()) return;
  out.section({.type = 0, .flags = 0, .content = {}}, 0);
  for (std::size_t i = 0; i < spec.sections.size(); ++i) {
    out.section(spec.sections[i], at.sections_at[i]);
  }
}

}  // namespace

std::string elf_number(const ElfSpec& spec, std::uint64_t value, std::size_t length) {
  std::string out;
  for (std::size_t i = 0; i < length; ++i) {
    const std::size_t shift = spec.big_endian ? length - 1 - i : i;
    out += static_cast<char>((value >> (8 * shift)) & 0xff);
  }
  return out;
}

std::string elf_note(const ElfSpec& spec, std::uint32_t type, const std::string& description) {
  std::string out = elf_number(spec, 4, 4) + elf_number(spec, description.size(), 4);
  out += elf_number(spec, type, 4) + std::string("GNU\0", 4) + description;
  out.resize((out.size() + 3) / 4 * 4);
  return out;
}

std::string make_elf(const ElfSpec& spec) {
  const Layout at(spec);
  Writer out(spec);
  write_header(spec, at, out);
  out.program(1, 0, at.end);
  if (at.interpreter_size > 0) out.program(3, at.interpreter_at, at.interpreter_size);
  if (at.dynamic) out.program(2, at.dynamic_at, at.dynamic_size);
  if (!spec.notes.empty()) out.program(4, at.notes_at, spec.notes.size());
  if (spec.tls_size > 0) out.program(7, at.strings_at, spec.tls_size);
  if (at.interpreter_size > 0) out.text(spec.interpreter + '\0');
  out.text(std::string(at.notes_at - out.size(), '\0') + spec.notes);
  if (at.dynamic) {
    for (const auto& [tag, value] : at.entries) {
      out.wide(tag);
      out.wide(value);
    }
  }
  out.text(at.needed + at.defined + at.strings.table);
  write_sections(spec, at, out);
  return out.take();
}

}  // namespace nodeproof::fakes
