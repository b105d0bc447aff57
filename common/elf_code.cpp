#include "common/elf_code.hpp"

#include <algorithm>

#include "common/elf_scan.hpp"

namespace nodeproof::elf {

namespace {

constexpr std::uint64_t kPiece = 1 << 20;
constexpr std::uint32_t kShtProgbits = 1;
constexpr std::uint64_t kShfExecinstr = 4;
constexpr std::uint32_t kPfX = 1;
constexpr std::size_t kMaxAddresses = 64;  // of the messages, by all segments that hold them

void add_range(std::vector<CodeRange>& ranges, Region region, std::uint64_t address,
               std::uint64_t file_size) {
  if (region.offset >= file_size) return;
  region.size = std::min(region.size, file_size - region.offset);
  const std::uint64_t skew = (4 - address % 4) % 4;  // instructions lie on words
  if (region.size < skew + 4) return;
  ranges.push_back({.region = {.offset = region.offset + skew, .size = region.size - skew},
                    .address = address + skew});
}

// Each byte once, whatever the headers say.
void separate(std::vector<CodeRange>& ranges) {
  std::ranges::sort(ranges, {}, [](const CodeRange& range) { return range.region.offset; });
  std::uint64_t end = 0;
  for (CodeRange& range : ranges) {
    const std::uint64_t own_end = range.region.offset + range.region.size;
    const std::uint64_t taken =
        end > range.region.offset ? (end - range.region.offset + 3) & ~3ULL : 0;
    const std::uint64_t cut = std::min(taken, range.region.size);
    range.region = {.offset = range.region.offset + cut, .size = range.region.size - cut};
    range.address += cut;
    end = std::max(end, own_end);
  }
  std::erase_if(ranges, [](const CodeRange& range) { return range.region.size < 4; });
}

std::vector<std::uint64_t> addresses_of(const std::vector<std::uint64_t>& offsets,
                                        const std::vector<Segment>& loads) {
  std::vector<std::uint64_t> addresses;
  for (const std::uint64_t offset : offsets) {
    for (const Segment& load : loads) {
      const bool here = offset >= load.offset && offset - load.offset < load.file_size;
      if (here) addresses.push_back(load.address + (offset - load.offset));
    }
  }
  std::ranges::sort(addresses);
  const auto repeated = std::ranges::unique(addresses);
  addresses.erase(repeated.begin(), repeated.end());
  // Segments that overlap by the hundred are no program's.
  if (addresses.size() > kMaxAddresses) addresses.clear();
  return addresses;
}

}  // namespace

Result<> for_each_window(const ByteSource& source, Region region, std::size_t context,
                         const std::function<void(const Window&)>& take) {
  std::vector<std::uint32_t> buffer((std::min(region.size, kPiece + 2 * context) + 3) / 4);
  for (std::uint64_t at = 0; at < region.size; at += kPiece) {
    const std::uint64_t begin = at - std::min<std::uint64_t>(at, context);
    const std::uint64_t last = std::min(at + kPiece, region.size);
    const std::uint64_t end = std::min(last + context, region.size);
    const auto length = static_cast<std::size_t>(end - begin);
    const auto bytes = std::as_writable_bytes(std::span(buffer)).first(length);
    TRY(read_exactly(source, region.offset + begin, bytes));
    take({.offset = region.offset + begin,
          .words = std::span(buffer).first(length / 4),
          .bytes = bytes,
          .first = static_cast<std::size_t>(at - begin),
          .last = static_cast<std::size_t>(last - begin)});
  }
  return {};
}

Result<std::vector<CodeRange>> code_ranges(const ByteSource& source, const Start& start,
                                           const std::vector<Segment>& loads) {
  std::vector<CodeRange> ranges;
  for (const Section& section : TRY(read_sections(source, start))) {
    const bool code = section.type == kShtProgbits && (section.flags & kShfExecinstr) != 0;
    if (code) add_range(ranges, section.region, section.address, source.size());
  }
  if (ranges.empty()) {
    for (const Segment& load : loads) {
      const Region region{.offset = load.offset, .size = load.file_size};
      if ((load.flags & kPfX) != 0) add_range(ranges, region, load.address, source.size());
    }
  }
  separate(ranges);
  return ranges;
}

Result<CodeFacts> scan_code(const ByteSource& source, const Facts& facts) {
  const Start start = TRY(read_start(source));
  const Programs programs = TRY(read_programs(source, start));
  Signs signs = TRY(find_signs(source));
  CodeFacts code;
  code.marks = std::move(signs.marks);
  code.ifunc = TRY(find_ifunc(source, start, programs));
  code.asks_processor = signs.asks_processor || code.ifunc;
  const Header& header = facts.header;
  if (header.machine != kMachineAArch64 || header.bits != 64 || header.big_endian) return code;
  const auto ranges = TRY(code_ranges(source, start, facts.loads));
  Extensions extensions = TRY(find_extensions(source, ranges));
  code.extensions = std::move(extensions.uses);
  code.asks_processor = code.asks_processor || extensions.asks_processor;
  const auto messages = addresses_of(signs.jemalloc_messages, facts.loads);
  code.jemalloc_page = TRY(find_jemalloc_page(source, ranges, messages));
  return code;
}

}  // namespace nodeproof::elf
