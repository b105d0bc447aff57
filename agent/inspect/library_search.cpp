#include "agent/inspect/library_search.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agent/inspect/paths.hpp"

namespace nodeproof::inspect {

namespace {

constexpr int kMaxConfDepth = 8;
constexpr std::size_t kMaxConfSteps = 1024;  // files and includes: files may include each other
constexpr std::size_t kMaxConfDirectories = 4096;
constexpr std::size_t kMaxPath = 4096;        // PATH_MAX: beyond it nothing can be opened
constexpr std::size_t kMaxDirectories = 256;  // of RPATH, RUNPATH and LD_LIBRARY_PATH together

// Debian's multiarch tuples, which its glibc searches first.
constexpr auto kTuples = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"amd64", "x86_64-linux-gnu"},
    {"arm64", "aarch64-linux-gnu"},
    {"arm", "arm-linux-gnueabihf"},
    {"arm", "arm-linux-gnueabi"},
    {"386", "i386-linux-gnu"},
    {"riscv64", "riscv64-linux-gnu"},
    {"ppc64le", "powerpc64le-linux-gnu"},
    {"s390x", "s390x-linux-gnu"},
    {"loong64", "loongarch64-linux-gnu"},
    {"mips64le", "mips64el-linux-gnuabi64"},
});

std::vector<std::string_view> tuples_of(const elf::Header& header) {
  std::vector<std::string_view> tuples;
  const std::string architecture = elf::oci_architecture(header);
  for (const auto& [name, tuple] : kTuples) {
    if (name == architecture) tuples.push_back(tuple);
  }
  return tuples;
}

LoaderKind kind_of(std::string_view interpreter, std::string_view path) {
  for (const std::string_view name : {name_of(path), name_of(interpreter)}) {
    if (name.starts_with("ld-musl-") || name.starts_with("libc.musl-")) return LoaderKind::musl;
    if (name.starts_with("libgcompat")) return LoaderKind::other;
  }
  for (const std::string_view name : {name_of(path), name_of(interpreter)}) {
    if (name.starts_with("ld-linux") || name.starts_with("ld64.so") || name.starts_with("ld.so") ||
        name.starts_with("ld-2.")) {
      return LoaderKind::glibc;
    }
  }
  return LoaderKind::other;
}

// ldconfig(8): one directory per line, "#" comments, "include" with patterns, a type behind "="
// (libc5 days).
class LdSoConf {
 public:
  explicit LdSoConf(const MergedView& view) : view_(view) {}

  std::vector<std::string> read() {
    file("etc/ld.so.conf", 0);
    return std::move(directories_);
  }

 private:
  void file(const std::string& path, int depth) {
    if (depth > kMaxConfDepth || ++steps_ > kMaxConfSteps) return;
    const std::string content = view_.content_of(path);
    for (std::string_view line : split(content, "\n")) {
      line = line.substr(0, line.find('#'));
      const auto words = split(line, " \t\r,:");
      if (words.empty() || words[0] == "hwcap") continue;
      if (words[0] == "include") {
        for (std::size_t i = 1; i < words.size(); ++i) include(words[i], parent_of(path), depth);
        continue;
      }
      if (directories_.size() >= kMaxConfDirectories) return;
      for (const auto word : words) directories_.emplace_back(word.substr(0, word.find('=')));
    }
  }

  void include(std::string_view pattern, std::string_view beside, int depth) {
    if (++steps_ > kMaxConfSteps) return;
    std::string whole(pattern);
    if (!pattern.starts_with('/')) whole = join(beside, pattern);
    const auto directory = view_.find(parent_of(whole));
    if (!directory) return;
    const std::string name_pattern(name_of(whole));
    for (const std::string_view name : view_.names_in(directory->path)) {
      if (::fnmatch(name_pattern.c_str(), std::string(name).c_str(), FNM_PERIOD) == 0) {
        file(join(directory->path, name), depth + 1);
      }
    }
  }

  const MergedView& view_;
  std::vector<std::string> directories_;
  std::size_t steps_ = 0;
};

// dynlink.c: "/etc/ld-musl-<arch>.path" when it is there, else the built-in list.
std::vector<std::string> musl_directories(const MergedView& view,
                                          const LibrarySearch::Setting& setting) {
  const std::string_view name = name_of(setting.interpreter);
  const std::size_t end = std::min(name.find(".so"), name.size());
  const std::string content = view.content_of("etc/" + std::string(name.substr(0, end)) + ".path");
  std::vector<std::string> directories;
  for (const auto part : split(content, "\n:")) directories.emplace_back(part);
  if (directories.empty()) directories = {"/lib", "/usr/local/lib", "/usr/lib"};
  return directories;
}

std::vector<std::string> glibc_directories(const MergedView& view,
                                           const LibrarySearch::Setting& setting) {
  std::vector<std::string> directories = LdSoConf(view).read();
  for (const std::string_view tuple : tuples_of(setting.program)) {
    for (const std::string_view base : {"/lib/", "/usr/lib/", "/usr/local/lib/"}) {
      directories.push_back(std::string(base) + std::string(tuple));
    }
  }
  if (setting.program.bits == 64) directories.insert(directories.end(), {"/lib64", "/usr/lib64"});
  directories.insert(directories.end(), {"/lib", "/usr/lib"});
  // A glibc built for a prefix of its own (Nix, Guix, vendored ones) searches beside its loader.
  directories.emplace_back(parent_of(setting.interpreter));
  directories.emplace_back(parent_of(setting.loader_path));
  return directories;
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos && text.size() <= kMaxPath;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

// Both spellings, "$NAME" and "${NAME}".
void substitute(std::string& text, const std::string& name, std::string_view by) {
  replace_all(text, "${" + name + "}", by);
  replace_all(text, "$" + name, by);
}

}  // namespace

LibrarySearch::LibrarySearch(const MergedView& view, Setting setting)
    : view_(view),
      setting_(std::move(setting)),
      kind_(kind_of(setting_.interpreter, setting_.loader_path)) {
  if (kind_ == LoaderKind::glibc && setting_.program.machine == elf::kMachineX86_64) {
    for (const std::string_view level : {"x86-64-v4", "x86-64-v3", "x86-64-v2"}) {
      if (level <= setting_.isa_level) variants_.push_back("glibc-hwcaps/" + std::string(level));
    }
  }
  if (kind_ != LoaderKind::glibc) system_ = musl_directories(view_, setting_);
  if (kind_ != LoaderKind::musl) {
    for (std::string& directory : glibc_directories(view_, setting_)) {
      system_.push_back(std::move(directory));
    }
  }
}

std::vector<std::string> LibrarySearch::expand(std::string_view text,
                                               const LoadedObject& object) const {
  std::vector<std::string> origins{"/" + std::string(parent_of(object.path))};
  std::string other = "/" + std::string(parent_of(object.as_found));
  if (other != origins[0]) origins.push_back(std::move(other));
  std::vector<std::string> libraries{"lib", "lib64"};
  for (const std::string_view tuple : tuples_of(setting_.program)) {
    libraries.insert(libraries.begin(), "lib/" + std::string(tuple));
  }
  if (text.find("ORIGIN") == std::string_view::npos) origins.resize(1);
  if (text.find("LIB") == std::string_view::npos) libraries.resize(1);
  std::vector<std::string> expanded;
  for (const std::string& origin : origins) {
    for (const std::string& library : libraries) {
      std::string one(text);
      substitute(one, "ORIGIN", origin);
      substitute(one, "LIB", library);
      substitute(one, "PLATFORM",
                 setting_.program.machine == elf::kMachineX86_64 ? "x86_64" : "aarch64");
      expanded.push_back(std::move(one));
    }
  }
  return expanded;
}

void LibrarySearch::add(std::vector<std::string>& to, std::string_view list,
                        const LoadedObject& object) const {
  for (const std::string_view part : split(list, ":;")) {
    if (to.size() >= kMaxDirectories) return;
    for (std::string& one : expand(part, object)) to.push_back(std::move(one));
  }
}

// glibc: DT_RPATH of the object that asks and of those that brought it, each unless it has
// DT_RUNPATH itself; none at all when the asking one has DT_RUNPATH. musl: both tags alike, along
// the whole chain.
void LibrarySearch::add_rpaths(std::vector<std::string>& to,
                               const std::vector<LoadedObject>& objects,
                               std::size_t requester) const {
  const bool musl = kind_ == LoaderKind::musl;
  if (!musl && !objects[requester].facts->runpath.empty()) return;
  for (std::optional<std::size_t> at = requester; at; at = objects[*at].requester) {
    const LoadedObject& object = objects[*at];
    if (musl && !object.facts->runpath.empty()) add(to, object.facts->runpath, object);
    if (object.facts->runpath.empty()) add(to, object.facts->rpath, object);
  }
}

std::vector<std::string> LibrarySearch::directories(const std::vector<LoadedObject>& objects,
                                                    std::size_t requester) const {
  const LoadedObject& object = objects[requester];
  std::vector<std::string> result;
  if (kind_ == LoaderKind::musl) {
    add(result, setting_.ld_library_path, object);
    add_rpaths(result, objects, requester);
  } else {
    add_rpaths(result, objects, requester);
    add(result, setting_.ld_library_path, object);
    add(result, object.facts->runpath, object);
  }
  result.insert(result.end(), system_.begin(), system_.end());
  return result;
}

bool LibrarySearch::is_built_in(std::string_view name) const {
  if (name.starts_with("linux-vdso") || name.starts_with("linux-gate.so")) return true;
  if (kind_ == LoaderKind::glibc) return false;
  // dynlink.c, load_library(): these names mean musl's libc itself.
  constexpr auto kReserved = std::to_array<std::string_view>(
      {"libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."});
  return std::ranges::any_of(kReserved,
                             [&](std::string_view reserved) { return name.starts_with(reserved); });
}

}  // namespace nodeproof::inspect
