// Notes of the GNU system (NT_GNU_*). Kernel and loaders stop at one that does not fit its segment
// and go on without: what stood before it counts, and the file is no worse for it.
#include <algorithm>
#include <string_view>

#include "common/elf_fields.hpp"

namespace nodeproof::elf {

namespace {

constexpr std::uint32_t kAbiTag = 1, kProperties = 5;  // NT_GNU_ABI_TAG, NT_GNU_PROPERTY_TYPE_0
constexpr std::uint32_t kLinux = 0;                    // ELF_NOTE_OS_LINUX
constexpr std::uint32_t kX86IsaNeeded = 0xc0008002;    // GNU_PROPERTY_X86_ISA_1_NEEDED
constexpr std::uint64_t kMaxNotes = 1 << 20;           // bytes of all: far beyond any real file

std::uint64_t up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

void take_abi_tag(Bytes description, Facts& facts) {
  if (description.size() < 16 || !facts.kernel.empty()) return;
  const Fields fields(description, facts.header);
  if (fields.word(0) != kLinux) return;
  facts.kernel = std::to_string(fields.word(4)) + "." + std::to_string(fields.word(8)) + "." +
                 std::to_string(fields.word(12));
}

void take_properties(Bytes description, Facts& facts) {
  const bool x86 = facts.header.machine == kMachineX86_64 || facts.header.machine == kMachine386;
  const std::uint64_t alignment = facts.header.bits / 8;
  while (x86 && description.size() >= 8) {
    const Fields fields(description, facts.header);
    const std::uint32_t type = fields.word(0), size = fields.word(4);
    if (size > description.size() - 8) return;
    if (type == kX86IsaNeeded && size == 4) facts.x86_needed |= fields.word(8);
    const std::uint64_t step = up(8 + std::uint64_t{size}, alignment);
    description = description.subspan(std::min<std::uint64_t>(step, description.size()));
  }
}

void take_notes(Bytes notes, std::uint64_t alignment, Facts& facts) {
  while (notes.size() >= 12) {
    const Fields fields(notes, facts.header);
    const std::uint64_t name_size = fields.word(0), size = fields.word(4);
    const std::uint32_t type = fields.word(8);
    const std::uint64_t at = up(12 + name_size, alignment);
    if (at > notes.size() || size > notes.size() - at) return;
    const Bytes description = notes.subspan(at, size);
    if (name_size == 4 && as_text(notes.subspan(12, 4)) == std::string_view("GNU\0", 4)) {
      if (type == kAbiTag) take_abi_tag(description, facts);
      if (type == kProperties) take_properties(description, facts);
    }
    notes = notes.subspan(std::min<std::uint64_t>(up(at + size, alignment), notes.size()));
  }
}

}  // namespace

Result<> read_notes(const ByteSource& source, const std::vector<NoteSegment>& notes, Facts& facts) {
  std::uint64_t left = std::min(kMaxNotes, source.size());
  std::vector<std::byte> bytes;
  for (const auto& [region, alignment] : notes) {
    if (region.size > left || region.offset > source.size() - region.size) continue;
    left -= region.size;
    bytes.resize(static_cast<std::size_t>(region.size));
    TRY(read_exactly(source, region.offset, bytes));
    take_notes(bytes, alignment == 8 ? 8 : 4, facts);
  }
  return {};
}

}  // namespace nodeproof::elf
