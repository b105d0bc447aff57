// What the parts of the ELF reader share; private to common/elf*.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/bytes.hpp"
#include "common/elf.hpp"

namespace nodeproof::elf {

// Fields of one fixed-size structure in the file's own byte order and class; the caller has seen
// to it that the structure is whole.
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

struct Region {  // of the file
  std::uint64_t offset = 0, size = 0;
};

struct Start {  // the ELF header
  Header header;
  std::uint64_t program_offset = 0, section_offset = 0;
  std::uint16_t program_entry_size = 0, program_count = 0;
  std::uint16_t section_entry_size = 0, section_count = 0;
};

struct NoteSegment {
  Region region;
  std::uint64_t alignment = 0;
};

struct Programs {
  std::vector<Segment> loads;
  std::optional<Region> dynamic, interpreter;
  std::vector<NoteSegment> notes;  // PT_NOTE and PT_GNU_PROPERTY, which overlap
  std::uint64_t tls_size = 0;
};

struct Section {
  std::uint32_t type = 0;
  std::uint64_t flags = 0, address = 0;
  Region region;
};

// DT_*
inline constexpr std::uint64_t kDtNull = 0, kDtNeeded = 1, kDtPltRelSz = 2, kDtStrtab = 5,
                               kDtSymtab = 6, kDtRela = 7, kDtRelaSz = 8, kDtStrsz = 10,
                               kDtSoname = 14, kDtRpath = 15, kDtRel = 17, kDtRelSz = 18,
                               kDtPltRel = 20, kDtJmpRel = 23, kDtRunpath = 29, kDtFlags = 30,
                               kDtFlags1 = 0x6ffffffb, kDtVerdef = 0x6ffffffc,
                               kDtVerneed = 0x6ffffffe;

struct DynamicEntry {
  std::uint64_t tag = 0, value = 0;
};

struct Dynamic {
  std::vector<DynamicEntry> entries;  // up to DT_NULL
  // As loaders do, the last of several counts.
  [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t tag) const;
};

[[nodiscard]] std::unexpected<Error> corrupt(std::string message);
// A file that ends too early is Errc::corrupt, a disk that fails is not.
Result<> read_exactly(const ByteSource& source, std::uint64_t offset, std::span<std::byte> buffer);

Result<Start> read_start(const ByteSource& source);
Result<Programs> read_programs(const ByteSource& source, const Start& start);
// None where the table is absent or cannot be read: neither kernel nor loader looks at it.
Result<std::vector<Section>> read_sections(const ByteSource& source, const Start& start);

Result<Dynamic> read_dynamic(const ByteSource& source, const Header& header, Region region);
// Where in the file `size` bytes at an address are; nothing where no segment holds them all.
std::optional<Region> file_region(const std::vector<Segment>& loads, std::uint64_t address,
                                  std::uint64_t size);
Result<Region> string_table(const Dynamic& dynamic, const std::vector<Segment>& loads);
Result<std::string> read_string(const ByteSource& source, Region table, std::uint64_t at);

// Whether one of the table's whole entries is it; none is where the table leaves the file.
Result<bool> any_entry(const ByteSource& source, Region table, std::size_t size,
                       const std::function<bool(Bytes)>& is);

// Each fills its part of facts.
Result<> read_names(const ByteSource& source, const Dynamic& dynamic, Facts& facts);
// For AArch64, where GNU ld never sets DF_STATIC_TLS: relocations that ask for the same. The loader
// reads them when all else is right: a table that leaves the file says nothing.
Result<> read_static_tls(const ByteSource& source, const Dynamic& dynamic, Facts& facts);
Result<> read_versions(const ByteSource& source, const Dynamic& dynamic, Facts& facts);
Result<> read_notes(const ByteSource& source, const std::vector<NoteSegment>& notes, Facts& facts);
Result<> read_arm_attributes(const ByteSource& source, const Start& start, Facts& facts);

}  // namespace nodeproof::elf
