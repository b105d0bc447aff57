#include "common/packed.hpp"

#include <algorithm>
#include <array>

#include "common/byte_source.hpp"
#include "common/packed_asar.hpp"
#include "common/packed_zip.hpp"

namespace nodeproof {
namespace {

constexpr int kMaxDepth = 3;  // archives inside each other
constexpr std::size_t kMaxFound = 4096;
constexpr std::size_t kMaxMembers = 200'000;  // looked at, over all depths
constexpr std::size_t kMaxPaths = 4 << 20;    // bytes, of what is found
// Bytes that are unpacked of archives in archives, over all depths: what it may cost to be told
// that there is nothing in them.
constexpr std::uint64_t kMaxUnpacked = std::uint64_t{256} << 20;
constexpr std::uint64_t kMaxNested = std::uint64_t{32} << 20;  // a deflated archive, in memory

constexpr auto kZips = std::to_array<std::string_view>(
    {".jar", ".war", ".ear", ".whl", ".egg", ".zip", ".aar", ".pex", ".nar", ".hpi", ".jpi"});

// What is in archives by the thousand and is never a program.
constexpr auto kNoPrograms = std::to_array<std::string_view>(
    {".class", ".java",       ".kt",  ".js",  ".mjs", ".ts",  ".map",   ".json",  ".html",
     ".css",   ".py",         ".pyc", ".pyi", ".md",  ".txt", ".xml",   ".yml",   ".yaml",
     ".h",     ".properties", ".png", ".svg", ".gif", ".jpg", ".ttf",   ".woff",  ".sql",
     ".MF",    ".RSA",        ".SF",  ".dll", ".exe", ".pdb", ".dylib", ".jnilib"});

template <std::size_t N>
bool ends_in(std::string_view name, const std::array<std::string_view, N>& endings) {
  return std::ranges::any_of(endings, [&](std::string_view end) { return name.ends_with(end); });
}

// A part of another source.
class Window final : public ByteSource {
 public:
  Window(const ByteSource& source, std::uint64_t offset, std::uint64_t size)
      : source_(source), offset_(offset), size_(size) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  Result<> read_at(std::uint64_t offset, std::span<std::byte> buffer) const override {
    if (offset > size_ || buffer.size() > size_ - offset) {
      return fail(Errc::truncated, "a read beyond the member's end");
    }
    return source_.read_at(offset_ + offset, buffer);
  }

 private:
  const ByteSource& source_;
  std::uint64_t offset_, size_;
};

class Search {
 public:
  Result<> read(std::string_view name, const ByteSource& archive, const std::string& prefix,
                int depth) {
    if (name.ends_with(".asar")) return read_asar(archive, prefix);
    for (const ZipMember& member : TRY(read_zip_directory(archive))) {
      if (!goes_on()) break;
      const bool nested = is_archive_name(member.name);
      if (member.encrypted) {
        note("a member is encrypted");
      } else if (nested && depth < kMaxDepth) {
        descend(member, archive, prefix, depth);
      } else if (!nested && !ends_in(member.name, kNoPrograms)) {
        look(member, archive, prefix);
      }
    }
    return {};
  }

  [[nodiscard]] PackedPrograms& result() { return result_; }

 private:
  bool goes_on() {
    const bool room = result_.found.size() < kMaxFound && path_bytes_ < kMaxPaths;
    if (++members_ <= kMaxMembers && room) return true;
    note("more members than the limit");
    return false;
  }

  void note(const std::string& problem) {
    if (result_.problem.empty()) result_.problem = problem;
  }

  void take(const std::string& path, std::string_view start) {
    if (!elf::has_magic(as_bytes(start))) return;
    auto header = elf::read_header(MemorySource(as_bytes(start)));
    if (!header) return;
    path_bytes_ += path.size();
    result_.found.push_back({path, *header});
  }

  void look(const ZipMember& member, const ByteSource& archive, const std::string& prefix) {
    if (member.size < elf::kHeaderBytes) return;
    if (member.method != kZipStored && member.method != kZipDeflated) {
      note("a member is compressed in a way that is not read here");
      return;
    }
    const auto start = read_zip_member(archive, member, elf::kHeaderBytes);
    if (start) {
      take(prefix + member.name, *start);
    } else {
      note(start.error().message);
    }
  }

  // One that cannot be read takes nothing from the others.
  void descend(const ZipMember& member, const ByteSource& archive, const std::string& prefix,
               int depth) {
    const std::string below = prefix + member.name + "!/";
    if (member.method == kZipStored) {
      const auto begin = zip_data_offset(archive, member);
      const auto done =
          begin ? read(member.name, Window(archive, *begin, member.packed), below, depth + 1)
                : Result<>(std::unexpected(begin.error()));
      if (!done) note(done.error().message);
      return;
    }
    unpacked_ += std::min(member.size, kMaxNested);
    if (member.method != kZipDeflated || member.size > kMaxNested || unpacked_ > kMaxUnpacked) {
      note("an archive in it is beyond the limit");
      return;
    }
    const auto whole = read_zip_member(archive, member, static_cast<std::size_t>(member.size));
    if (!whole) {
      note(whole.error().message);
    } else if (auto done = read(member.name, MemorySource(as_bytes(*whole)), below, depth + 1);
               !done) {
      note(done.error().message);
    }
  }

  Result<> read_asar(const ByteSource& archive, const std::string& prefix) {
    for (const AsarMember& member : TRY(read_asar_directory(archive))) {
      if (!goes_on()) break;
      if (member.size < elf::kHeaderBytes || ends_in(member.path, kNoPrograms)) continue;
      std::array<std::byte, elf::kHeaderBytes> start{};
      TRY(archive.read_at(member.offset, start));
      take(prefix + member.path, as_text(start));
    }
    return {};
  }

  PackedPrograms result_;
  std::size_t members_ = 0;
  std::size_t path_bytes_ = 0;
  std::uint64_t unpacked_ = 0;
};

}  // namespace

bool is_archive_name(std::string_view path) {
  return path.ends_with(".asar") || ends_in(path, kZips);
}

Result<PackedPrograms> read_packed(std::string_view name, const ByteSource& archive) {
  Search search;
  TRY(search.read(name, archive, "", 1));
  return std::move(search.result());
}

}  // namespace nodeproof
