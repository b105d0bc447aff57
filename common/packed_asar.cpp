#include "common/packed_asar.hpp"

#include <array>
#include <charconv>
#include <limits>

#include "common/json.hpp"

namespace nodeproof {
namespace {

constexpr std::uint32_t kMaxDirectory = 8U << 20U;
constexpr std::size_t kMaxValues = 200'000;
constexpr std::size_t kMaxPath = 4096;
constexpr std::size_t kMaxPaths = 8 << 20;  // bytes of all: each repeats its folders

std::unexpected<Error> corrupt(std::string message) {
  return fail(Errc::corrupt, "asar: " + std::move(message));
}

std::uint32_t word(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i > 0; --i) {
    value = (value << 8U) | std::to_integer<std::uint32_t>(bytes[at + i - 1]);
  }
  return value;
}

class Walker {
 public:
  Walker(std::uint64_t base, std::uint64_t end) : base_(base), end_(end) {}

  Result<> walk(const json::Value& directory, const std::string& path) {
    const json::Value* files = directory.find("files");
    if (files == nullptr) return {};
    for (const auto& [name, entry] : files->members()) {
      const std::string below = path.empty() ? name : path + "/" + name;
      if (below.size() > kMaxPath) return corrupt("too long a path");
      TRY(entry.find("files") != nullptr ? walk(entry, below) : take(entry, below));
    }
    return {};
  }

  [[nodiscard]] std::vector<AsarMember>& members() { return members_; }

 private:
  Result<> take(const json::Value& entry, const std::string& path) {
    const json::Value* offset = entry.find("offset");
    const json::Value* size = entry.find("size");
    if (offset == nullptr || size == nullptr) return {};  // a link, or not in the archive
    AsarMember member{.path = path, .offset = 0, .size = TRY(size->unsigned_integer())};
    const std::string text = TRY(offset->string());
    const char* const last = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), last, member.offset);
    if (text.empty() || stop != last || error != std::errc{}) return corrupt("an offset");
    if (member.offset > end_ - base_ || member.size > end_ - base_ - member.offset) {
      return corrupt("a member beyond its end");
    }
    member.offset += base_;
    path_bytes_ += path.size();
    if (path_bytes_ > kMaxPaths) return fail(Errc::too_large, "asar: too long paths");
    members_.push_back(std::move(member));
    return {};
  }

  std::uint64_t base_, end_;
  std::vector<AsarMember> members_;
  std::size_t path_bytes_ = 0;
};

}  // namespace

Result<std::vector<AsarMember>> read_asar_directory(const ByteSource& archive) {
  std::array<std::byte, 16> head{};
  if (archive.size() < head.size()) return corrupt("it is too short");
  TRY(archive.read_at(0, head));
  const std::uint64_t base = std::uint64_t{8} + word(head, 4);
  const std::uint32_t length = word(head, 12);
  if (word(head, 0) != 4 || base > archive.size() || length > base - head.size()) {
    return corrupt("its first bytes are none of an archive");
  }
  if (length > kMaxDirectory)
    return fail(Errc::too_large, "asar: its directory is beyond the limit");
  std::string text(length, '\0');
  TRY(archive.read_at(head.size(), std::as_writable_bytes(std::span(text))));
  const auto root =
      json::parse(text, {.max_bytes = kMaxDirectory, .max_depth = 64, .max_values = kMaxValues});
  if (!root) return corrupt("its directory: " + root.error().message);
  Walker walker(base, archive.size());
  TRY(walker.walk(*root, ""));
  return std::move(walker.members());
}

}  // namespace nodeproof
