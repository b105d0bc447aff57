#include "common/elf.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace nodeproof::elf {

namespace {

constexpr std::uint32_t kPtLoad = 1, kPtDynamic = 2, kPtInterp = 3;
constexpr std::uint64_t kDtNull = 0, kDtNeeded = 1, kDtStrtab = 5, kDtStrsz = 10, kDtSoname = 14,
                        kDtRpath = 15, kDtRunpath = 29, kDtFlags1 = 0x6ffffffb;
constexpr std::uint64_t kDf1Pie = 0x08000000;

// Far beyond any real file; the kernel itself refuses more than 64 KiB of program headers.
constexpr std::size_t kMaxSegments = 1024;
constexpr std::uint64_t kMaxDynamicEntries = 16384;
constexpr std::size_t kMaxNeeded = 2048;
constexpr std::uint64_t kMaxInterpreter = 4096;  // PATH_MAX
constexpr std::uint64_t kMaxString = 1 << 16;
constexpr std::size_t kMaxNames = 1 << 20;  // bytes of all DT_NEEDED: they may overlap in the table

// Fields of one fixed-size structure in the file's own byte order and class.
class Fields {
 public:
  Fields(Bytes bytes, const Header& header) : bytes_(bytes), header_(header) {}

  [[nodiscard]] std::uint16_t half(std::size_t at) const {
    return static_cast<std::uint16_t>(value(at, 2));
  }
  [[nodiscard]] std::uint32_t word(std::size_t at) const {
    return static_cast<std::uint32_t>(value(at, 4));
  }
  // An address, offset or size: 4 bytes at at32 in a 32-bit file, 8 bytes at at64 in a 64-bit one.
  [[nodiscard]] std::uint64_t wide(std::size_t at32, std::size_t at64) const {
    return header_.bits == 64 ? value(at64, 8) : value(at32, 4);
  }

 private:
  [[nodiscard]] std::uint64_t value(std::size_t at, std::size_t length) const {
    std::uint64_t result = 0;
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t index = header_.big_endian ? at + i : at + length - 1 - i;
      result = (result << 8) | std::to_integer<std::uint64_t>(bytes_[index]);
    }
    return result;
  }

  Bytes bytes_;
  const Header& header_;
};

struct Tables {  // of the ELF header
  std::uint64_t program_offset = 0;
  std::uint16_t program_entry_size = 0;
  std::uint16_t program_count = 0;
};

struct Region {
  std::uint64_t offset = 0, size = 0;
};

std::unexpected<Error> corrupt(std::string message) {
  return fail(Errc::corrupt, "ELF: " + std::move(message));
}

Result<> read_exactly(const ByteSource& source, std::uint64_t offset, std::span<std::byte> buffer) {
  auto read = source.read_at(offset, buffer);
  // A file that ends too early is a corrupt ELF; a disk that fails is not.
  if (!read && read.error().code == Errc::truncated) return corrupt(read.error().message);
  return read;
}

Result<std::pair<Header, Tables>> read_start(const ByteSource& source) {
  std::array<std::byte, kHeaderBytes> bytes{};
  TRY(read_exactly(source, 0, std::span(bytes).first(16)));
  if (!has_magic(bytes)) return corrupt("no magic");
  const auto elf_class = std::to_integer<unsigned>(bytes[4]);
  const auto data = std::to_integer<unsigned>(bytes[5]);
  if (elf_class != 1 && elf_class != 2) return corrupt("class " + std::to_string(elf_class));
  if (data != 1 && data != 2) return corrupt("byte order " + std::to_string(data));
  Header header;
  header.bits = elf_class == 2 ? 64 : 32;
  header.big_endian = data == 2;
  header.os_abi = std::to_integer<std::uint8_t>(bytes[7]);
  const std::size_t length = header.bits == 64 ? 64 : 52;
  TRY(read_exactly(source, 0, std::span(bytes).first(length)));
  const Fields fields(bytes, header);
  header.type = fields.half(16);
  header.machine = fields.half(18);
  header.flags = fields.word(header.bits == 64 ? 48 : 36);
  const std::size_t sizes = header.bits == 64 ? 54 : 42;  // e_phentsize, then e_phnum
  return std::pair(header, Tables{.program_offset = fields.wide(28, 32),
                                  .program_entry_size = fields.half(sizes),
                                  .program_count = fields.half(sizes + 2)});
}

struct Programs {
  std::vector<Segment> loads;
  std::optional<Region> dynamic, interpreter;
};

Result<Programs> read_programs(const ByteSource& source, const Header& header,
                               const Tables& tables) {
  Programs programs;
  if (tables.program_count == 0) return programs;
  const std::size_t entry = header.bits == 64 ? 56 : 32;
  if (tables.program_entry_size != entry) {
    return corrupt("program header entries of " + std::to_string(tables.program_entry_size) +
                   " bytes");
  }
  if (tables.program_count > kMaxSegments) {
    return corrupt(std::to_string(tables.program_count) + " program headers");
  }
  std::vector<std::byte> bytes(entry * tables.program_count);
  TRY(read_exactly(source, tables.program_offset, bytes));
  for (std::size_t i = 0; i < tables.program_count; ++i) {
    const Fields fields(Bytes(bytes).subspan(i * entry, entry), header);
    const std::uint32_t type = fields.word(0);
    const Region region{.offset = fields.wide(4, 8), .size = fields.wide(16, 32)};
    if (type == kPtLoad) {
      programs.loads.push_back({.flags = fields.word(header.bits == 64 ? 4 : 24),
                                .offset = region.offset,
                                .address = fields.wide(8, 16),
                                .file_size = region.size,
                                .memory_size = fields.wide(20, 40),
                                .alignment = fields.wide(28, 48)});
    }
    // The kernel takes the first PT_INTERP (binfmt_elf.c, load_elf_binary).
    if (type == kPtInterp && !programs.interpreter) programs.interpreter = region;
    if (type == kPtDynamic && !programs.dynamic) programs.dynamic = region;
  }
  return programs;
}

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

struct Dynamic {
  std::uint64_t string_address = 0, string_size = 0, flags_1 = 0;
  std::optional<std::uint64_t> soname, rpath, runpath;  // offsets into the string table
  std::vector<std::uint64_t> needed;
};

void take(Dynamic& dynamic, std::uint64_t tag, std::uint64_t value) {
  switch (tag) {
    case kDtNeeded:
      dynamic.needed.push_back(value);
      break;
    case kDtStrtab:
      dynamic.string_address = value;
      break;
    case kDtStrsz:
      dynamic.string_size = value;
      break;
    case kDtSoname:
      dynamic.soname = value;
      break;
    case kDtRpath:
      dynamic.rpath = value;
      break;
    case kDtRunpath:
      dynamic.runpath = value;
      break;
    case kDtFlags1:
      dynamic.flags_1 = value;
      break;
    default:
      break;
  }
}

Result<Dynamic> read_dynamic(const ByteSource& source, const Header& header, Region region) {
  const std::size_t entry = header.bits == 64 ? 16 : 8;
  if (region.size / entry > kMaxDynamicEntries) {
    return corrupt("PT_DYNAMIC of " + std::to_string(region.size) + " bytes");
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(region.size / entry * entry));
  TRY(read_exactly(source, region.offset, bytes));
  Dynamic dynamic;
  for (std::size_t at = 0; at < bytes.size(); at += entry) {
    const Fields fields(Bytes(bytes).subspan(at, entry), header);
    const std::uint64_t tag = fields.wide(0, 0);
    if (tag == kDtNull) break;
    take(dynamic, tag, fields.wide(4, 8));
    if (dynamic.needed.size() > kMaxNeeded) return corrupt("too many DT_NEEDED");
  }
  return dynamic;
}

// The string table is given by its address; a segment says where in the file that is.
Result<Region> file_region(const std::vector<Segment>& loads, std::uint64_t address,
                           std::uint64_t size) {
  for (const Segment& load : loads) {
    if (address < load.address) continue;
    const std::uint64_t into = address - load.address;
    if (into >= load.file_size || size > load.file_size - into) continue;
    if (load.offset > UINT64_MAX - into) continue;
    return Region{.offset = load.offset + into, .size = size};
  }
  return corrupt("no segment holds the dynamic string table");
}

Result<std::string> read_string(const ByteSource& source, Region table, std::uint64_t at) {
  if (at >= table.size) return corrupt("a name beyond the dynamic string table");
  const std::uint64_t rest = std::min(table.size - at, kMaxString);
  std::string text;
  while (text.size() < rest) {
    std::array<char, 256> piece{};
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), rest - text.size()));
    TRY(read_exactly(source, table.offset + at + text.size(),
                     std::as_writable_bytes(std::span(piece).first(length))));
    const char* const last = piece.data() + length;
    const char* const end = std::find(static_cast<const char*>(piece.data()), last, '\0');
    text.append(static_cast<const char*>(piece.data()), end);
    if (end != last) return text;
  }
  return corrupt("a name without its end in the dynamic string table");
}

Result<> read_names(const ByteSource& source, const std::vector<Segment>& loads,
                    const Dynamic& dynamic, Facts& facts) {
  facts.pie = (dynamic.flags_1 & kDf1Pie) != 0;
  const bool named = dynamic.soname || dynamic.rpath || dynamic.runpath || !dynamic.needed.empty();
  if (!named) return {};
  const Region table = TRY(file_region(loads, dynamic.string_address, dynamic.string_size));
  if (dynamic.soname) facts.soname = TRY(read_string(source, table, *dynamic.soname));
  if (dynamic.rpath) facts.rpath = TRY(read_string(source, table, *dynamic.rpath));
  if (dynamic.runpath) facts.runpath = TRY(read_string(source, table, *dynamic.runpath));
  std::size_t bytes = 0;
  for (const std::uint64_t at : dynamic.needed) {
    facts.needed.push_back(TRY(read_string(source, table, at)));
    bytes += facts.needed.back().size();
    if (bytes > kMaxNames) return corrupt("too long a list of DT_NEEDED");
  }
  return {};
}

}  // namespace

bool has_magic(Bytes start) {
  constexpr std::array kMagic{std::byte{0x7f}, std::byte{'E'}, std::byte{'L'}, std::byte{'F'}};
  return start.size() >= kMagic.size() && std::ranges::equal(start.first(4), kMagic);
}

Result<Header> read_header(const ByteSource& source) { return TRY(read_start(source)).first; }

Result<File> read(const ByteSource& source) {
  const auto [header, tables] = TRY(read_start(source));
  File file;
  file.facts.header = header;
  // A core dump's program headers describe memory, not a program.
  if (header.type == kTypeCore) return file;
  Programs programs = TRY(read_programs(source, header, tables));
  file.loads = std::move(programs.loads);
  if (programs.interpreter) {
    file.facts.interpreter = TRY(read_interpreter(source, *programs.interpreter));
  }
  file.facts.dynamic = programs.dynamic.has_value();
  if (programs.dynamic) {
    const Dynamic dynamic = TRY(read_dynamic(source, header, *programs.dynamic));
    TRY(read_names(source, file.loads, dynamic, file.facts));
  }
  return file;
}

}  // namespace nodeproof::elf
