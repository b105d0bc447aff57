// A layer's plain tar, written into a folder of its own with and without overlayfs' marks: the
// folder beside it stays as it is, and a second time gives the same.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/layer_root.hpp"
#include "common/layer_writer.hpp"
#include "tests/fakes/tar_writer.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace {

using namespace nodeproof;

class Reader final : public ByteReader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), rest_.size());
    std::ranges::copy(rest_.first(count), buffer.begin());
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  Bytes rest_;
};

// root/ and, beside it, outside/canary.
class Place {
 public:
  Place() {
    const auto top = folder_.path();
    std::filesystem::create_directory(top / "outside");
    root_ = ::open(top.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    canary_ = ::open((top / "outside/canary").c_str(), O_CREAT | O_RDONLY | O_CLOEXEC, 0600);
    if (root_ < 0 || canary_ < 0 || ::fchdir(root_) != 0) std::abort();
  }
  ~Place() {
    ::close(root_);
    ::close(canary_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  Result<WrittenLayer> write(Bytes tar, bool overlay) {
    if (::mkdirat(root_, "root", 0755) != 0 || ::chdir("root") != 0) std::abort();
    LayerWriteOptions options{.overlay_whiteouts = overlay, .limits = {}};
    options.limits.entries = 500;
    options.limits.plain_bytes = std::uint64_t{1} << 20;
    Reader reader(tar);
    auto written = write_layer(reader, options);
    if (::fchdir(root_) != 0 || !remove_tree(AT_FDCWD, "root")) std::abort();
    check();
    return written;
  }

 private:
  // Any link, mode, owner, time, content or removal would show.
  void check() {
    struct ::stat canary{}, outside{};
    if (::fstat(canary_, &canary) != 0 || ::stat("outside", &outside) != 0) std::abort();
    const std::array<::timespec, 2> now{canary.st_ctim, outside.st_ctim};
    if (before_[0].tv_sec == 0) before_ = now;
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (now[i].tv_sec != before_[i].tv_sec || now[i].tv_nsec != before_[i].tv_nsec) std::abort();
    }
  }

  fakes::TempFolder folder_;
  int root_ = -1, canary_ = -1;
  std::array<::timespec, 2> before_{};
};

// Few names, so that entries meet each other.
std::string name_of(std::span<const unsigned char>& rest) {
  constexpr std::array kParts{"a",  "b",          "c",       "/",     "/",
                              "..", "../outside", ".wh.",    ".wh.a", ".wh..wh..opq",
                              ".",  "canary",     "outside", "/"};
  std::string name;
  while (!rest.empty() && name.size() < 200) {
    const unsigned char byte = rest.front();
    rest = rest.subspan(1);
    if (byte % 16 >= kParts.size()) break;
    name += kParts[byte % 16];
  }
  return name;
}

std::string built(std::span<const unsigned char> rest) {
  fakes::TarWriter tar;
  while (!rest.empty()) {
    const unsigned char kind = rest.front();
    rest = rest.subspan(1);
    const std::string name = name_of(rest);
    switch (kind % 8) {
      case 0:
      case 1:
        tar.directory(name, kind * 8);
        break;
      case 2:
        tar.symlink(name, name_of(rest));
        break;
      case 3:
        tar.hard_link(name, name_of(rest));
        break;
      case 4:
        tar.special(name, static_cast<char>('3' + kind / 8 % 5));
        break;
      case 5:
        tar.pax({{"mtime", std::to_string(kind * 1000)}, {"SCHILY.xattr.user.k", name}});
        break;
      default:
        tar.file(name, "content", kind * 16);
    }
  }
  return tar.str();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static Place place;
  if (size == 0) return 0;
  const std::span bytes(data + 1, size - 1);
  const std::string made = data[0] % 4 == 0 ? std::string() : built(bytes);
  const Bytes tar = made.empty() ? std::as_bytes(bytes) : as_bytes(made);
  for (const bool overlay : {true, false}) {
    const auto once = place.write(tar, overlay);
    const auto again = place.write(tar, overlay);
    if (once.has_value() != again.has_value() || (once && *once != *again)) std::abort();
  }
  return 0;
}
