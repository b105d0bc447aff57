#include "agent/registry/layout_files.hpp"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "common/folder.hpp"
#include "common/tar_index.hpp"
#include "common/text.hpp"

namespace nodeproof::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostLayouts = 1000;  // in one folder

class FolderFiles final : public LayoutFiles {
 public:
  explicit FolderFiles(Folder folder) : folder_(std::move(folder)) {}
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> open(const std::string& name) const override {
    FileSource file = TRY(folder_.file(name));
    return std::unique_ptr<ByteSource>(std::make_unique<FileSource>(std::move(file)));
  }

 private:
  Folder folder_;
};

// A member of a tar, which outlives it.
class Member final : public ByteSource {
 public:
  Member(const ByteSource& tar, TarPlace place) : tar_(tar), place_(place) {}
  [[nodiscard]] std::uint64_t size() const override { return place_.size; }
  Result<> read_at(std::uint64_t offset, std::span<std::byte> buffer) const override {
    if (offset > place_.size || buffer.size() > place_.size - offset) {
      return fail(Errc::truncated, "asked for beyond the end");
    }
    return tar_.read_at(place_.offset + offset, buffer);
  }

 private:
  const ByteSource& tar_;
  TarPlace place_;
};

class TarFiles final : public LayoutFiles {
 public:
  TarFiles(FileSource tar, TarIndex index) : tar_(std::move(tar)), index_(std::move(index)) {}
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> open(const std::string& name) const override {
    const auto found = index_.find(name);
    if (found == index_.end()) return fail(Errc::not_found, "it has no file " + name);
    return std::unique_ptr<ByteSource>(std::make_unique<Member>(tar_, found->second));
  }

 private:
  FileSource tar_;
  TarIndex index_;
};

bool belongs_to_a_layout(std::string_view path) {
  return path == "oci-layout" || path == "index.json" || path == "manifest.json" ||
         path.starts_with("blobs/");
}

// How it is unpacked; "" = it is not compressed.
std::string_view unpacker_of(const FileSource& file) {
  struct Magic {
    std::string_view bytes, tool;
  };
  static constexpr std::array kMagics = {
      Magic{"\x1f\x8b", "gzip -d"}, Magic{"\x28\xb5\x2f\xfd", "zstd -d"},
      Magic{"\xfd"
            "7zXZ",
            "xz -d"},
      Magic{"BZh", "bzip2 -d"}, Magic{"\x04\x22\x4d\x18", "lz4 -d"}};
  std::array<std::byte, 5> start{};
  const auto held = std::span(start).first(std::min<std::size_t>(start.size(), file.size()));
  if (!file.read_at(0, held)) return "";
  for (const Magic& magic : kMagics) {
    if (as_text(held).starts_with(magic.bytes)) return magic.tool;
  }
  return "";
}

// POSIX, ustar Interchange Format: the magic field; GNU tar writes "ustar  ".
bool is_tar(const FileSource& file) {
  constexpr std::uint64_t kMagicAt = 257;
  std::array<std::byte, 5> magic{};
  if (file.size() < kMagicAt + magic.size()) return false;
  return !file.read_at(kMagicAt, magic) || as_text(magic) == "ustar";
}

Result<std::unique_ptr<LayoutFiles>> open_tar(const fs::path& path) {
  FileSource tar = TRY(FileSource::open(path));
  if (tar.size() == 0) return fail(Errc::truncated, "the file is empty", "copy it there again");
  if (const auto tool = unpacker_of(tar); !tool.empty()) {
    return fail(Errc::unsupported, "a compressed archive cannot be read in place",
                "unpack it first (" + std::string(tool) +
                    "): its layers are compressed already, so that little is lost");
  }
  if (!is_tar(tar)) {
    return fail(Errc::unsupported, "this is no tar archive",
                "name an image layout, as a folder or a tar, or a folder of them");
  }
  TarIndex index = TRY(index_tar(tar, belongs_to_a_layout));
  return std::unique_ptr<LayoutFiles>(std::make_unique<TarFiles>(std::move(tar), std::move(index)));
}

// What can be looked for without following a link out of the folder: only names are looked at.
bool is_layout(const fs::path& folder) {
  constexpr std::array kMarks = {"oci-layout", "index.json", "manifest.json", "blobs"};
  return std::ranges::any_of(kMarks, [&](const char* mark) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(folder / mark, ignored));
  });
}

bool is_candidate(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  std::error_code ignored;
  if (name.starts_with('.')) return false;
  if (entry.is_directory(ignored)) return is_layout(entry.path());
  const auto names_a_tar = [&name](std::string_view end) { return name.ends_with(end); };
  constexpr std::array kEnds = {".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2"};
  return entry.is_regular_file(ignored) && std::ranges::any_of(kEnds, names_a_tar);
}

std::unexpected<Error> not_there(const std::error_code& error, const fs::path& path) {
  const std::string shown = printable(path.string());
  // Nothing there says nothing; an error of the file system does.
  Error failed = error ? fail_errno(error.value(), "looking at it").error()
                       : Error{Errc::not_found, "it is not there", ""};
  if (failed.code == Errc::not_found) {
    failed = {Errc::unreachable, "it is not there", "put in or mount what holds " + shown};
  }
  return std::unexpected(std::move(failed));
}

}  // namespace

Result<std::unique_ptr<LayoutFiles>> open_layout_files(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return not_there(error, path);
  if (fs::is_regular_file(status)) return open_tar(path);
  if (!fs::is_directory(status)) {
    return fail(Errc::unsupported, "it is neither a folder nor a file");
  }
  Folder folder = TRY(Folder::open(path));
  return std::unique_ptr<LayoutFiles>(std::make_unique<FolderFiles>(std::move(folder)));
}

Result<std::string> read_whole(const ByteSource& file, std::size_t max_bytes) {
  if (file.size() > max_bytes) {
    return fail(Errc::too_large, "it has " + std::to_string(file.size()) +
                                     " bytes, more than the " + std::to_string(max_bytes) +
                                     " it may have");
  }
  std::string bytes(static_cast<std::size_t>(file.size()), '\0');
  TRY(file.read_at(0, std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

Result<std::vector<fs::path>> layouts_in(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return not_there(error, path);
  if (!fs::is_directory(status) || is_layout(path)) return std::vector{path};
  std::vector<fs::path> found;
  fs::directory_iterator entries(path, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    if (!is_candidate(*entries)) continue;
    found.push_back(entries->path());
    if (found.size() > kMostLayouts) {
      return fail(Errc::too_large, "more than " + std::to_string(kMostLayouts) + " layouts");
    }
  }
  if (error) return not_there(error, path);
  std::ranges::sort(found);
  return found;
}

}  // namespace nodeproof::registry
