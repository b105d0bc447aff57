#include "common/elf.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/elf_fields.hpp"

namespace nodeproof::elf {

namespace {

constexpr std::uint32_t kPtLoad = 1, kPtDynamic = 2, kPtInterp = 3, kPtNote = 4, kPtTls = 7,
                        kPtGnuProperty = 0x6474e553;

// Far beyond any real file; the kernel itself refuses more than 64 KiB of program headers.
constexpr std::size_t kMaxSegments = 1024;
constexpr std::size_t kMaxSections = 16384;
constexpr std::uint64_t kMaxInterpreter = 4096;  // PATH_MAX

// The kernel's rule: 2 to PATH_MAX bytes, the last one NUL.
Result<std::string> read_interpreter(const ByteSource& source, Region region) {
  if (region.size < 2 || region.size > kMaxInterpreter) {
    return corrupt("PT_INTERP of " + std::to_string(region.size) + " bytes");
  }
  std::string text(static_cast<std::size_t>(region.size), '\0');
  TRY(read_exactly(source, region.offset, std::as_writable_bytes(std::span(text))));
  if (text.back() != '\0') return corrupt("PT_INTERP does not end with NUL");
  text.resize(std::strlen(text.c_str()));
  return text;
}

void take_program(const Fields& fields, unsigned bits, Programs& programs) {
  const std::uint32_t type = fields.word(0);
  const Region region{.offset = fields.wide(4, 8), .size = fields.wide(16, 32)};
  const std::uint64_t memory_size = fields.wide(20, 40);
  const std::uint64_t alignment = fields.wide(28, 48);
  if (type == kPtLoad) {
    programs.loads.push_back({.flags = fields.word(bits == 64 ? 4 : 24),
                              .offset = region.offset,
                              .address = fields.wide(8, 16),
                              .file_size = region.size,
                              .memory_size = memory_size,
                              .alignment = alignment});
  }
  // The kernel takes the first PT_INTERP (binfmt_elf.c, load_elf_binary).
  if (type == kPtInterp && !programs.interpreter) programs.interpreter = region;
  if (type == kPtDynamic && !programs.dynamic) programs.dynamic = region;
  if (type == kPtTls) programs.tls_size = memory_size;
  if (type == kPtNote || type == kPtGnuProperty) {
    programs.notes.push_back({.region = region, .alignment = alignment});
  }
}

Section section_of(const Fields& fields) {
  return {.type = fields.word(4),
          .flags = fields.wide(8, 8),
          .address = fields.wide(12, 16),
          .region = {.offset = fields.wide(16, 24), .size = fields.wide(20, 32)}};
}

}  // namespace

std::unexpected<Error> corrupt(std::string message) {
  return fail(Errc::corrupt, "ELF: " + std::move(message));
}

Result<> read_exactly(const ByteSource& source, std::uint64_t offset, std::span<std::byte> buffer) {
  auto read = source.read_at(offset, buffer);
  if (!read && read.error().code == Errc::truncated) return corrupt(read.error().message);
  return read;
}

Result<Start> read_start(const ByteSource& source) {
  std::array<std::byte, kHeaderBytes> bytes{};
  TRY(read_exactly(source, 0, std::span(bytes).first(16)));
  if (!has_magic(bytes)) return corrupt("no magic");
  const auto elf_class = std::to_integer<unsigned>(bytes[4]);
  const auto data = std::to_integer<unsigned>(bytes[5]);
  if (elf_class != 1 && elf_class != 2) return corrupt("class " + std::to_string(elf_class));
  if (data != 1 && data != 2) return corrupt("byte order " + std::to_string(data));
  Start start;
  Header& header = start.header;
  header.bits = elf_class == 2 ? 64 : 32;
  header.big_endian = data == 2;
  header.os_abi = std::to_integer<std::uint8_t>(bytes[7]);
  const std::size_t length = header.bits == 64 ? 64 : 52;
  TRY(read_exactly(source, 0, std::span(bytes).first(length)));
  const Fields fields(bytes, header);
  header.type = fields.half(16);
  header.machine = fields.half(18);
  header.flags = fields.word(header.bits == 64 ? 48 : 36);
  start.program_offset = fields.wide(28, 32);
  start.section_offset = fields.wide(32, 40);
  const std::size_t sizes = header.bits == 64 ? 54 : 42;  // e_phentsize and what follows it
  start.program_entry_size = fields.half(sizes);
  start.program_count = fields.half(sizes + 2);
  start.section_entry_size = fields.half(sizes + 4);
  start.section_count = fields.half(sizes + 6);
  return start;
}

Result<Programs> read_programs(const ByteSource& source, const Start& start) {
  Programs programs;
  if (start.program_count == 0) return programs;
  const std::size_t entry = start.header.bits == 64 ? 56 : 32;
  if (start.program_entry_size != entry) {
    return corrupt("program header entries of " + std::to_string(start.program_entry_size) +
                   " bytes");
  }
  if (start.program_count > kMaxSegments) {
    return corrupt(std::to_string(start.program_count) + " program headers");
  }
  std::vector<std::byte> bytes(entry * start.program_count);
  TRY(read_exactly(source, start.program_offset, bytes));
  for (std::size_t at = 0; at < bytes.size(); at += entry) {
    const Fields fields(Bytes(bytes).subspan(at, entry), start.header);
    take_program(fields, start.header.bits, programs);
  }
  return programs;
}

Result<std::vector<Section>> read_sections(const ByteSource& source, const Start& start) {
  std::vector<Section> sections;
  const std::size_t entry = start.header.bits == 64 ? 64 : 40;
  // With more than 0xfeff sections e_shnum is 0 (gABI, "Extended section header"): none of our
  // files.
  const std::uint64_t bytes_needed = std::uint64_t{start.section_count} * entry;
  if (start.section_offset == 0 || start.section_entry_size != entry ||
      start.section_count > kMaxSections || start.section_offset > source.size() ||
      bytes_needed > source.size() - start.section_offset) {
    return sections;
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(bytes_needed));
  TRY(read_exactly(source, start.section_offset, bytes));
  for (std::size_t at = 0; at < bytes.size(); at += entry) {
    sections.push_back(section_of(Fields(Bytes(bytes).subspan(at, entry), start.header)));
  }
  return sections;
}

bool has_magic(Bytes start) {
  constexpr std::array kMagic{std::byte{0x7f}, std::byte{'E'}, std::byte{'L'}, std::byte{'F'}};
  return start.size() >= kMagic.size() && std::ranges::equal(start.first(4), kMagic);
}

Result<Header> read_header(const ByteSource& source) { return TRY(read_start(source)).header; }

Result<Facts> read(const ByteSource& source) {
  const Start start = TRY(read_start(source));
  Facts facts;
  facts.header = start.header;
  // A core dump's program headers describe memory, not a program.
  if (start.header.type == kTypeCore) return facts;
  Programs programs = TRY(read_programs(source, start));
  facts.loads = std::move(programs.loads);
  facts.tls_size = programs.tls_size;
  if (programs.interpreter) {
    facts.interpreter = TRY(read_interpreter(source, *programs.interpreter));
  }
  facts.dynamic = programs.dynamic.has_value();
  if (programs.dynamic) {
    const Dynamic dynamic = TRY(read_dynamic(source, start.header, *programs.dynamic));
    TRY(read_names(source, dynamic, facts));
    TRY(read_static_tls(source, dynamic, facts));
    TRY(read_versions(source, dynamic, facts));
  }
  TRY(read_notes(source, programs.notes, facts));
  TRY(read_arm_attributes(source, start, facts));
  return facts;
}

}  // namespace nodeproof::elf
