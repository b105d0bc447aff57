// The directory that a layer is written into, and the walk inside it: no path, link or removal ever
// leads out. Private to common/layer_*.cpp.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/file.hpp"

namespace nodeproof {

// "a/b" -> {"a", "b"}, "b" -> {"", "b"}.
struct SplitPath {
  explicit SplitPath(std::string_view path);
  std::string parent, base;
};
std::string join_path(std::string_view parent, std::string_view base);

// The error of a failed system call on a layer's entry. Lack of rights, or something that this file
// system does not know, is Errc::unsupported; what the tar itself makes impossible is corrupt.
[[nodiscard]] std::unexpected<Error> layer_failure(int errno_value, std::string_view what);

// Paths are relative to the root and clean ("" = the root itself), as in LayerEntry.
class LayerRoot {
 public:
  // The root is the process' current directory; the destructor returns to it.
  static Result<LayerRoot> open(bool openat2_is_there = true);
  LayerRoot(LayerRoot&&) noexcept = default;
  LayerRoot(const LayerRoot&) = delete;
  LayerRoot& operator=(LayerRoot&&) = delete;
  LayerRoot& operator=(const LayerRoot&) = delete;
  ~LayerRoot();

  // Makes the directory the current one, so that its entries are reached by their bare names. Links
  // on the way are followed as containerd's fs.RootPath does. What is missing is made (0755, as
  // its mkparent), and `made` is told each directory, parents first.
  using Made = std::function<Result<>(const std::string& path)>;
  Result<> enter(const std::string& directory, const Made& made);
  // Without links: where the last enter() led.
  [[nodiscard]] const std::string& at() const { return at_; }
  // Something other than a new entry happened: a path may lead elsewhere now.
  void forget() { entered_.reset(); }

  // The path without links, its last part included.
  Result<std::string> resolve(std::string_view path);
  // A handle on a directory that is there, links followed as above.
  Result<UniqueFd> directory(const std::string& path);
  // The same for a path without links, to be read; no handle = no such directory.
  UniqueFd readable(const std::string& path) const;

 private:
  LayerRoot(UniqueFd root, bool openat2_is_there)
      : root_(std::move(root)), openat2_is_there_(openat2_is_there) {}
  UniqueFd open_plain(const std::string& path, int flags) const;
  UniqueFd step_by_step(std::string_view path, int flags) const;
  Result<UniqueFd> make(const std::string& path, const Made& made);
  Result<std::string> link_at(const std::string& path, int& links);
  Result<std::string> pass(std::string_view path, int& links);

  UniqueFd root_;
  mutable bool openat2_is_there_;
  std::optional<std::string> entered_;
  std::string at_;
};

// Without "." and "..".
Result<std::vector<std::string>> names_in(int folder);
// Removes what has that name in the folder, whatever it is, and follows no link.
Result<> remove_tree(int folder, const std::string& name);

}  // namespace nodeproof
