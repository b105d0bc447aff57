#include "common/layer_writer.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "common/layer_archive.hpp"
#include "common/layer_attributes.hpp"
#include "common/layer_file.hpp"
#include "common/layer_item.hpp"
#include "common/layer_root.hpp"
#include "common/text.hpp"

namespace nodeproof {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";

// Paths that parents come before.
class PathSet {
 public:
  void add(const std::string& path) { paths_.insert(path); }
  void remove(const std::string& path) { paths_.erase(path); }
  // With all below it.
  void remove_tree(const std::string& path) {
    remove(path);
    constexpr char kBehindSlash = '/' + 1;
    paths_.erase(paths_.lower_bound(path + '/'), paths_.lower_bound(path + kBehindSlash));
  }
  [[nodiscard]] std::vector<std::string> list() const { return {paths_.begin(), paths_.end()}; }

 private:
  std::set<std::string> paths_;
};

class LayerWriter {
 public:
  LayerWriter(TarStream& tar, const LayerWriteOptions& options, LayerRoot root, LayerFiles files)
      : tar_(tar), options_(options), root_(std::move(root)), files_(std::move(files)) {}

  Result<WrittenLayer> run() {
    while (archive_entry* entry = TRY(tar_.next())) {
      if (++written_.entries > options_.limits.entries) {
        return fail(Errc::too_large, "layer: more than " + std::to_string(options_.limits.entries) +
                                         " entries, at " + tar_.current());
      }
      if (const std::string loss = tar_.loss(); !loss.empty()) {
        return named<WrittenLayer>(fail(Errc::unsupported, loss));
      }
      TRY(named(same_for_go(entry)));
      const LayerItem item = TRY(named(layer_item(entry, options_.limits)));
      if (!item.path.empty()) TRY(take(item));
    }
    TRY(directory_times());
    written_.implied = implied_.list();
    written_.opaque = opaque_.list();
    return std::move(written_);
  }

 private:
  struct Directory {
    std::string path;  // as in the tar
    std::array<::timespec, 2> times;
  };

  template <class T>
  [[nodiscard]] Result<T> named(Result<T> result) const {
    if (result) return result;
    return std::unexpected(std::move(result).error().with_context(tar_.current()));
  }

  // Go's archive/tar, and so containerd, knows none of the other types.
  [[nodiscard]] Result<> same_for_go(archive_entry* entry) const {
    constexpr std::string_view kKnown("0123456xXLK\0", 12);
    const TarStream::RawTypes types = tar_.raw_types();
    const bool sparse = ::archive_entry_sparse_count(entry) > 0;  // its own header is further back
    const char own = sparse ? types.first : types.own;
    if (kKnown.contains(types.first) && kKnown.contains(own)) return {};
    return fail(Errc::unsupported, "a type of entry that containerd does not know");
  }

  Result<> take(const LayerItem& item) {
    const SplitPath name(item.path);
    TRY(named(enter(name.parent)));
    const std::string path = join_path(root_.at(), name.base);
    if (name.base.starts_with(kWhiteout)) return named(whiteout(item, name.base));
    const bool merged = TRY(named(make_way(item, name.base)));
    if (item.type == EntryType::file) {
      TRY(file(item, name.base));
    } else {
      if (!merged) TRY(named(create(item, name.base)));
      TRY(named(set_all(name.base, item)));
    }
    return named(note(item, path));
  }

  Result<> enter(const std::string& directory) {
    return root_.enter(directory, [this](const std::string& made) -> Result<> {
      implied_.add(made);
      return remember(made);
    });
  }

  // What a hostile tar makes this process remember has an end.
  Result<> remember(const std::string& path) {
    constexpr std::uint64_t kMostBytes = 256 << 20;
    constexpr std::size_t kNode = 96;  // of the containers
    remembered_ += path.size() + sizeof(Directory) + kNode;
    if (remembered_ <= kMostBytes) return {};
    return fail(Errc::too_large,
                "the layer's names take more than " + human_bytes(kMostBytes) + " of memory");
  }

  Result<> note(const LayerItem& item, const std::string& path) {
    if (item.type == EntryType::directory) {
      implied_.remove(path);
      directories_.push_back({item.path, item.times});
      TRY(remember(item.path));
    }
    if (options_.overlay_whiteouts) return {};
    unpacked_.insert(path);
    return remember(path);
  }

  // Removes what is there, unless both are directories: true.
  Result<bool> make_way(const LayerItem& item, const std::string& base) {
    struct ::stat status{};
    if (::fstatat(AT_FDCWD, base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (S_ISDIR(status.st_mode) && item.type == EntryType::directory) return true;
    TRY(remove(base));
    return false;
  }

  // From the current directory.
  Result<> remove(const std::string& base) {
    TRY(remove_tree(AT_FDCWD, base));
    removed(join_path(root_.at(), base));
    return {};
  }

  void removed(const std::string& path) {
    implied_.remove_tree(path);
    opaque_.remove_tree(path);
    root_.forget();
    anything_removed_ = true;
  }

  Result<> file(const LayerItem& item, const std::string& base) {
    written_.bytes += item.size;
    if (written_.bytes > options_.limits.plain_bytes) {  // holes cost nothing in the tar
      return named<void>(fail(Errc::too_large, "the layer's files are larger than " +
                                                   human_bytes(options_.limits.plain_bytes)));
    }
    TRY(named(files_.begin(base, item)));
    while (item.size > 0) {
      const auto block = TRY(tar_.block());
      if (!block) break;
      if (!block->bytes.empty()) TRY(named(files_.write(*block)));
    }
    TRY(named(files_.finish()));
    if (item.attributes.empty()) return {};
    TRY(named(set_extended(base, item, item.type)));
    return named(set_mode(base, item));  // an access control list among them changes it
  }

  Result<> create(const LayerItem& item, const std::string& base) {
    int status = 0;
    switch (item.type) {
      case EntryType::directory:
        status = ::mkdir(base.c_str(), item.mode & 0777U);
        break;
      case EntryType::symlink:
        status = ::symlink(item.target.c_str(), base.c_str());
        break;
      case EntryType::character_device:
        status = ::mknod(base.c_str(), S_IFCHR | item.mode, item.device);
        break;
      case EntryType::block_device:
        status = ::mknod(base.c_str(), S_IFBLK | item.mode, item.device);
        break;
      case EntryType::fifo:
        status = ::mkfifo(base.c_str(), item.mode);
        break;
      default:
        return hard_link(item, base);
    }
    if (status != 0) return layer_failure(errno, "making it");
    return {};
  }

  // To a link itself, not to where it leads.
  Result<> hard_link(const LayerItem& item, const std::string& base) {
    const SplitPath target(item.target);
    const UniqueFd folder = TRY(root_.directory(target.parent));
    if (::linkat(folder.get(), target.base.c_str(), AT_FDCWD, base.c_str(), 0) == 0) return {};
    if (errno == ENOENT) {
      return fail(Errc::corrupt, "links to " + printable(item.target) + ", which is not there");
    }
    return layer_failure(errno, "linking to " + printable(item.target));
  }

  Result<> whiteout(const LayerItem& item, const std::string& base) {
    if (base == kOpaque) return opaque();
    const std::string hidden = base.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..") {
      return fail(Errc::corrupt, "a whiteout of nothing");
    }
    if (!options_.overlay_whiteouts) return remove(hidden);
    if (::mknod(hidden.c_str(), S_IFCHR, 0) != 0) {
      if (errno == EEXIST) return fail(Errc::corrupt, "hides what the layer itself has");
      return layer_failure(errno, "making a whiteout");
    }
    return set_owner(hidden, item);
  }

  Result<> opaque() {
    if (!options_.overlay_whiteouts) return clear(root_.at());
    if (!options_.opaque_marks) {
      return fail(Errc::unsupported, "an opaque directory, which takes CAP_SYS_ADMIN to mark");
    }
    opaque_.add(root_.at());
    return remember(root_.at());
  }

  // All that the layer has not unpacked there so far. Directories that it only implied count as
  // what was there before, with all they have: so it is in containerd.
  Result<> clear(const std::string& top) {
    std::vector<std::string> ahead{top};
    while (!ahead.empty()) {
      const std::string path = std::move(ahead.back());
      ahead.pop_back();
      TRY(clear_one(path, ahead));
    }
    return {};
  }

  Result<> clear_one(const std::string& path, std::vector<std::string>& ahead) {
    const UniqueFd folder = root_.readable(path);
    if (!folder && (errno == ENOTDIR || errno == ELOOP)) return {};
    if (!folder) return layer_failure(errno, "reading a directory that is made opaque");
    const std::vector<std::string> names = TRY(names_in(folder.get()));
    for (const std::string& name : names) {
      const std::string here = join_path(path, name);
      if (unpacked_.contains(here)) {
        ahead.push_back(here);
        continue;
      }
      TRY(remove_tree(folder.get(), name));
      removed(here);
    }
    return {};
  }

  // Last, for each entry in a directory changes its time.
  Result<> directory_times() {
    for (const Directory& directory : directories_) {
      auto done = anything_removed_ ? times_of_what_is_there(directory) : times_of(directory);
      if (!done)
        return std::unexpected(std::move(done).error().with_context(printable(directory.path)));
    }
    return {};
  }

  Result<> times_of(const Directory& directory) {
    const SplitPath name(directory.path);
    TRY(enter(name.parent));
    return set_times(AT_FDCWD, name.base, directory.times);
  }

  // Something else may have that name by now, and gets its times.
  Result<> times_of_what_is_there(const Directory& directory) {
    const SplitPath name(TRY(root_.resolve(directory.path)));
    const UniqueFd folder = TRY(root_.directory(name.parent));
    return set_times(folder.get(), name.base.empty() ? "." : name.base, directory.times);
  }

  TarStream& tar_;
  const LayerWriteOptions& options_;
  LayerRoot root_;
  LayerFiles files_;
  WrittenLayer written_;
  PathSet implied_, opaque_;
  std::unordered_set<std::string> unpacked_;  // for opaque directories without overlayfs' marks
  std::vector<Directory> directories_;
  bool anything_removed_ = false;
  std::uint64_t remembered_ = 0;
};

}  // namespace

Result<WrittenLayer> write_layer(ByteReader& plain_tar, const LayerWriteOptions& options) {
  TarStream tar(plain_tar, options.limits.plain_bytes);
  if (!TRY(tar.open())) return WrittenLayer{};
  LayerRoot root = TRY(LayerRoot::open());
  LayerWriter writer(tar, options, std::move(root), TRY(LayerFiles::open()));
  WrittenLayer written = TRY(writer.run());
  TRY(tar.drain());
  return written;
}

}  // namespace nodeproof
