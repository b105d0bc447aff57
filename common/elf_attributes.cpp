// .ARM.attributes (Addenda to, and Errata in, the ABI for the Arm Architecture, 3.2 "Public
// aeabi attributes"). Neither kernel nor loader reads it: absent and broken are the same.
#include <algorithm>
#include <string_view>

#include "common/elf_fields.hpp"

namespace nodeproof::elf {

namespace {

constexpr std::uint32_t kShtArmAttributes = 0x70000003;
constexpr std::uint64_t kMaxAttributes = 1 << 16;
constexpr std::uint64_t kTagFile = 1, kTagRawName = 4, kTagName = 5, kTagCpuArch = 6,
                        kTagCompatibility = 32;

class Cursor {
 public:
  explicit Cursor(Bytes bytes) : rest_(bytes) {}

  // ULEB128; nothing where it does not end or does not fit.
  std::optional<std::uint64_t> number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && !rest_.empty(); shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(rest_[0]);
      rest_ = rest_.subspan(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::optional<std::string_view> text() {
    const std::string_view all = as_text(rest_);
    const std::size_t end = all.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    rest_ = rest_.subspan(end + 1);
    return all.substr(0, end);
  }
  // What a length counts that includes the `before` bytes read already.
  std::optional<Bytes> block(const Header& header, std::size_t before) {
    if (rest_.size() < 4) return std::nullopt;
    const std::size_t length = Fields(rest_, header).word(0);
    if (length < before + 4 || length - before > rest_.size()) return std::nullopt;
    const Bytes inner = rest_.subspan(4, length - before - 4);
    rest_ = rest_.subspan(length - before);
    return inner;
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  Bytes rest_;
};

bool skip_value(Cursor& cursor, std::uint64_t tag) {
  if (tag == kTagCompatibility) return cursor.number() && cursor.text();
  const bool text = tag == kTagRawName || tag == kTagName || (tag > kTagCompatibility && tag % 2);
  return text ? cursor.text().has_value() : cursor.number().has_value();
}

std::optional<unsigned> architecture_in(Cursor cursor) {
  while (!cursor.empty()) {
    const auto tag = cursor.number();
    if (!tag) return std::nullopt;
    if (*tag != kTagCpuArch) {
      if (!skip_value(cursor, *tag)) return std::nullopt;
      continue;
    }
    const auto value = cursor.number();
    if (!value || *value > 255) return std::nullopt;
    return static_cast<unsigned>(*value);
  }
  return std::nullopt;
}

std::optional<unsigned> architecture_of(Bytes section, const Header& header) {
  if (section.empty() || section[0] != std::byte{'A'}) return std::nullopt;
  Cursor vendors(section.subspan(1));
  while (!vendors.empty()) {
    const auto vendor = vendors.block(header, 0);
    if (!vendor) return std::nullopt;
    Cursor cursor(*vendor);
    if (cursor.text() != "aeabi") continue;
    while (!cursor.empty()) {
      const auto tag = cursor.number();
      const auto attributes = cursor.block(header, 1);  // the tag is one byte
      if (!tag || !attributes) return std::nullopt;
      if (*tag == kTagFile) return architecture_in(Cursor(*attributes));
    }
  }
  return std::nullopt;
}

}  // namespace

Result<> read_arm_attributes(const ByteSource& source, const Start& start, Facts& facts) {
  if (start.header.machine != kMachineArm || start.header.bits != 32) return {};
  const auto sections = TRY(read_sections(source, start));
  const auto found = std::ranges::find(sections, kShtArmAttributes, &Section::type);
  if (found == sections.end()) return {};
  const Region region = found->region;
  if (region.size > std::min(kMaxAttributes, source.size())) return {};
  if (region.offset > source.size() - region.size) return {};
  std::vector<std::byte> bytes(static_cast<std::size_t>(region.size));
  TRY(read_exactly(source, region.offset, bytes));
  facts.arm_architecture = architecture_of(bytes, start.header);
  return {};
}

}  // namespace nodeproof::elf
