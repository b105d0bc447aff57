#include "agent/inspect/page_fault.hpp"

#include <array>
#include <charconv>

namespace nodeproof::inspect {

namespace {

constexpr std::uint32_t kExecute = 1, kWrite = 2;  // PF_X, PF_W
constexpr std::uint64_t kSmallestPage = 4096;

std::string hex(std::uint64_t value) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return "0x" + std::string(digits.data(), end);
}

std::string place_of(const elf::Segment& segment) {
  return "PT_LOAD at " + hex(segment.address) + ", offset " + hex(segment.offset);
}

// Modulo 2^64, as the kernel's own arithmetic.
std::uint64_t shift_of(const elf::Segment& segment) { return segment.address - segment.offset; }

// A segment without bytes in the file is not mapped from it.
std::optional<PageFault> not_congruent(const elf::Segment& segment, std::uint64_t page) {
  if (segment.file_size == 0 || shift_of(segment) % page == 0) return std::nullopt;
  return PageFault{true, place_of(segment) + ": they differ modulo " + std::to_string(page)};
}

std::optional<PageFault> not_aligned(const elf::Segment& segment, std::uint64_t page) {
  if (segment.alignment % page != 0) {
    return PageFault{true, place_of(segment) + ": alignment " + hex(segment.alignment) +
                               " is no multiple of " + std::to_string(page)};
  }
  if (segment.alignment == 0 || shift_of(segment) % segment.alignment == 0) return std::nullopt;
  return PageFault{
      true, place_of(segment) + ": they differ modulo their alignment " + hex(segment.alignment)};
}

// Later segments are mapped over what earlier ones have of a common page (MAP_FIXED).
std::optional<PageFault> overlap(const elf::Segment& first, const elf::Segment& second,
                                 std::uint64_t page) {
  const std::uint64_t end = first.address + first.memory_size;
  const bool wraps = end < first.address;
  if (wraps || first.memory_size == 0 || second.file_size == 0 || second.address < end ||
      second.address / page > (end - 1) / page) {
    return std::nullopt;
  }
  const std::string where =
      place_of(first) + " ends in the page where the one at " + hex(second.address) + " begins";
  const std::uint32_t lost = first.flags & ~second.flags;
  if ((lost & kExecute) != 0) return PageFault{true, where + " and loses its right to execute"};
  if ((lost & kWrite) != 0) return PageFault{true, where + " and cannot be written to any more"};
  if (first.memory_size > first.file_size) {
    return PageFault{true, where + ": variables that should be zero are not"};
  }
  if (shift_of(first) != shift_of(second)) {
    return PageFault{true, where + ": its last bytes are overwritten"};
  }
  return PageFault{false, where};
}

}  // namespace

std::optional<PageFault> page_fault(const elf::Facts& facts, Mapper mapper, std::uint64_t page) {
  std::optional<PageFault> doubt;
  const elf::Segment* before = nullptr;
  for (const elf::Segment& segment : facts.loads) {
    auto fault = not_congruent(segment, page);
    if (!fault && mapper == Mapper::aligned_glibc) fault = not_aligned(segment, page);
    if (!fault && before != nullptr && page > kSmallestPage) {
      fault = overlap(*before, segment, page);
    }
    if (fault && fault->certain && mapper != Mapper::other) return fault;
    if (fault && !doubt) doubt = PageFault{false, std::move(fault->why)};
    before = &segment;
  }
  return doubt;
}

std::string pages_of(std::uint64_t bytes) { return std::to_string(bytes / 1024) + " KiB"; }

}  // namespace nodeproof::inspect
