// Symbol versions (LSB Core, "Symbol Versioning"). glibc walks both tables of every file it loads
// and trusts them, so that a defect in one is an error of the file.
#include <algorithm>
#include <array>
#include <cstdint>

#include "common/elf_fields.hpp"

namespace nodeproof::elf {

namespace {

constexpr std::uint16_t kBase = 1, kWeak = 2;  // VER_FLG_*
// Both classes have the same sizes.
constexpr std::size_t kVerneedBytes = 16, kVernauxBytes = 16, kVerdefBytes = 20, kVerdauxBytes = 8;
constexpr std::size_t kMaxEntries = 16384;  // far beyond any real file; ends a chain that loops
constexpr std::size_t kMaxNames = 1 << 20;  // bytes of all names: they may overlap in the table

class Reader {
 public:
  Reader(const ByteSource& source, const Facts& facts, Region names)
      : source_(source), facts_(facts), names_(names) {}

  // The structure of `length` bytes at an address; valid until the next call.
  Result<Fields> structure(std::uint64_t address, std::size_t length) {
    if (++entries_ > kMaxEntries) return corrupt("symbol versions without an end");
    const auto place = file_region(facts_.loads, address, length);
    if (!place) return corrupt("symbol versions beyond the segments");
    TRY(read_exactly(source_, place->offset, std::span(bytes_).first(length)));
    return Fields(Bytes(bytes_).first(length), facts_.header);
  }

  Result<std::string> name(std::uint32_t at) {
    std::string text = TRY(read_string(source_, names_, at));
    taken_ += text.size();
    if (taken_ > kMaxNames) return corrupt("too long a list of symbol versions");
    return text;
  }

 private:
  const ByteSource& source_;
  const Facts& facts_;
  Region names_;
  std::array<std::byte, kVerdefBytes> bytes_{};
  std::size_t entries_ = 0, taken_ = 0;
};

Result<> read_needed_of(Reader& reader, std::uint64_t at, VersionsNeeded& needed) {
  for (std::uint32_t next = 1; next != 0; at += next) {
    const Fields aux = TRY(reader.structure(at, kVernauxBytes));
    const bool weak = (aux.half(4) & kWeak) != 0;
    const std::uint32_t name = aux.word(8);
    next = aux.word(12);
    if (!weak) needed.versions.push_back(TRY(reader.name(name)));
  }
  return {};
}

Result<> read_needed(Reader& reader, std::uint64_t at, Facts& facts) {
  for (std::uint32_t next = 1; next != 0; at += next) {
    const Fields entry = TRY(reader.structure(at, kVerneedBytes));
    const std::uint32_t library = entry.word(4);
    const std::uint64_t first = at + entry.word(8);
    next = entry.word(12);
    VersionsNeeded needed;
    needed.library = TRY(reader.name(library));
    TRY(read_needed_of(reader, first, needed));
    if (!needed.versions.empty()) facts.versions_needed.push_back(std::move(needed));
  }
  return {};
}

Result<> read_defined(Reader& reader, std::uint64_t at, Facts& facts) {
  for (std::uint32_t next = 1; next != 0; at += next) {
    const Fields entry = TRY(reader.structure(at, kVerdefBytes));
    const bool base = (entry.half(2) & kBase) != 0;
    const std::uint64_t first = at + entry.word(12);  // the others name its parents
    next = entry.word(16);
    if (base) continue;
    const std::uint32_t name = TRY(reader.structure(first, kVerdauxBytes)).word(0);
    facts.versions_defined.push_back(TRY(reader.name(name)));
  }
  return {};
}

}  // namespace

Result<> read_versions(const ByteSource& source, const Dynamic& dynamic, Facts& facts) {
  const auto needed = dynamic.find(kDtVerneed), defined = dynamic.find(kDtVerdef);
  if (!needed && !defined) return {};
  Reader reader(source, facts, TRY(string_table(dynamic, facts.loads)));
  if (needed) TRY(read_needed(reader, *needed, facts));
  if (defined) TRY(read_defined(reader, *defined, facts));
  return {};
}

}  // namespace nodeproof::elf
