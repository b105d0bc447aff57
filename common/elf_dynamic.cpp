// PT_DYNAMIC and the names it gives.
#include <algorithm>
#include <array>

#include "common/elf_fields.hpp"

namespace nodeproof::elf {

namespace {

constexpr std::uint64_t kDfStaticTls = 0x10, kDf1Pie = 0x08000000;

// Far beyond any real file.
constexpr std::uint64_t kMaxDynamicEntries = 16384;
constexpr std::size_t kMaxNeeded = 2048;
constexpr std::uint64_t kMaxString = 1 << 16;
constexpr std::size_t kMaxNames = 1 << 20;  // bytes of all DT_NEEDED: they may overlap in the table

bool has_names(const Dynamic& dynamic) {
  return std::ranges::any_of(dynamic.entries, [](const DynamicEntry& entry) {
    return entry.tag == kDtNeeded || entry.tag == kDtSoname || entry.tag == kDtRpath ||
           entry.tag == kDtRunpath;
  });
}

}  // namespace

std::optional<std::uint64_t> Dynamic::find(std::uint64_t tag) const {
  std::optional<std::uint64_t> value;
  for (const DynamicEntry& entry : entries) {
    if (entry.tag == tag) value = entry.value;
  }
  return value;
}

Result<Dynamic> read_dynamic(const ByteSource& source, const Header& header, Region region) {
  const std::size_t entry = header.bits == 64 ? 16 : 8;
  if (region.size / entry > kMaxDynamicEntries) {
    return corrupt("PT_DYNAMIC of " + std::to_string(region.size) + " bytes");
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(region.size / entry * entry));
  TRY(read_exactly(source, region.offset, bytes));
  Dynamic dynamic;
  std::size_t needed = 0;
  for (std::size_t at = 0; at < bytes.size(); at += entry) {
    const Fields fields(Bytes(bytes).subspan(at, entry), header);
    const std::uint64_t tag = fields.wide(0, 0);
    if (tag == kDtNull) break;
    dynamic.entries.push_back({.tag = tag, .value = fields.wide(4, 8)});
    if (tag == kDtNeeded && ++needed > kMaxNeeded) return corrupt("too many DT_NEEDED");
  }
  return dynamic;
}

std::optional<Region> file_region(const std::vector<Segment>& loads, std::uint64_t address,
                                  std::uint64_t size) {
  for (const Segment& load : loads) {
    if (address < load.address) continue;
    const std::uint64_t into = address - load.address;
    if (into >= load.file_size || size > load.file_size - into) continue;
    if (load.offset > UINT64_MAX - into) continue;
    return Region{.offset = load.offset + into, .size = size};
  }
  return std::nullopt;
}

Result<Region> string_table(const Dynamic& dynamic, const std::vector<Segment>& loads) {
  const std::uint64_t address = dynamic.find(kDtStrtab).value_or(0);
  const auto region = file_region(loads, address, dynamic.find(kDtStrsz).value_or(0));
  if (!region) return corrupt("no segment holds the dynamic string table");
  return *region;
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

Result<> read_names(const ByteSource& source, const Dynamic& dynamic, Facts& facts) {
  facts.pie = (dynamic.find(kDtFlags1).value_or(0) & kDf1Pie) != 0;
  facts.static_tls = (dynamic.find(kDtFlags).value_or(0) & kDfStaticTls) != 0;
  if (!has_names(dynamic)) return {};
  const Region table = TRY(string_table(dynamic, facts.loads));
  const auto take = [&](std::uint64_t tag, std::string& name) -> Result<> {
    if (const auto at = dynamic.find(tag)) name = TRY(read_string(source, table, *at));
    return {};
  };
  TRY(take(kDtSoname, facts.soname));
  TRY(take(kDtRpath, facts.rpath));
  TRY(take(kDtRunpath, facts.runpath));
  std::size_t bytes = 0;
  for (const DynamicEntry& entry : dynamic.entries) {
    if (entry.tag != kDtNeeded) continue;
    facts.needed.push_back(TRY(read_string(source, table, entry.value)));
    bytes += facts.needed.back().size();
    if (bytes > kMaxNames) return corrupt("too long a list of DT_NEEDED");
  }
  return {};
}

}  // namespace nodeproof::elf
