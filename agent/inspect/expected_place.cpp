// Per-architecture folders: how packages that carry code for many machines name them.
#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "agent/inspect/census.hpp"
#include "agent/inspect/paths.hpp"

namespace nodeproof::inspect {

namespace {

struct Alias {
  std::string_view architecture;
  std::string_view word;
};

// Longer words of one architecture before those they begin with.
constexpr auto kAliases = std::to_array<Alias>({
    {"amd64", "x86_64"},
    {"amd64", "x86-64"},
    {"amd64", "amd64"},
    {"amd64", "x64"},
    {"amd64", "linux64"},
    {"arm64", "aarch64"},
    {"arm64", "arm64-v8a"},
    {"arm64", "arm64"},
    {"arm64", "armv8"},
    {"arm", "armeabi-v7a"},
    {"arm", "armv7l"},
    {"arm", "armv7"},
    {"arm", "armv6l"},
    {"arm", "armv6"},
    {"arm", "armhf"},
    {"arm", "armel"},
    {"arm", "armeabi"},
    {"arm", "arm"},
    {"386", "i386"},
    {"386", "i486"},
    {"386", "i586"},
    {"386", "i686"},
    {"386", "ia32"},
    {"386", "x86"},
    {"386", "386"},
    {"386", "linux32"},
    {"riscv64", "riscv64"},
    {"riscv64", "riscv64gc"},
    {"ppc64le", "powerpc64le"},
    {"ppc64le", "ppc64le"},
    {"ppc64le", "ppc64el"},
    {"ppc64", "powerpc64"},
    {"ppc64", "ppc64"},
    {"s390x", "s390x"},
    {"loong64", "loongarch64"},
    {"loong64", "loong64"},
    {"mips64le", "mips64el"},
    {"mips64le", "mips64le"},
    {"mips64", "mips64"},
    {"mipsle", "mipsel"},
    {"mipsle", "mipsle"},
    {"mips", "mips"},
});

bool is_word(std::string_view text, std::size_t at, std::size_t length) {
  const auto letter = [&](std::size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0;
  };
  if (at > 0 && letter(at - 1)) return false;
  return !letter(at + length);
}

// Where a name of the architecture stands as a word in the part; its length in second.
std::optional<std::pair<std::size_t, std::size_t>> find_word(std::string_view part,
                                                             std::string_view architecture) {
  for (const Alias& alias : kAliases) {
    if (alias.architecture != architecture) continue;
    for (std::size_t at = part.find(alias.word); at != std::string_view::npos;
         at = part.find(alias.word, at + 1)) {
      if (!is_word(part, at, alias.word.size())) continue;
      const std::string_view rest = part.substr(at + alias.word.size());
      if (alias.word == "x86" && (rest.starts_with("_64") || rest.starts_with("-64"))) continue;
      return std::pair(at, alias.word.size());
    }
  }
  return std::nullopt;
}

// Something beside `part` whose name begins alike and goes on with the host's word.
bool has_sibling(const MergedView& view, std::string_view parent, std::string_view before,
                 std::string_view host_architecture) {
  for (const Alias& alias : kAliases) {
    if (alias.architecture != host_architecture) continue;
    const std::string start = join(parent, std::string(before) + std::string(alias.word));
    const auto found = view.nodes().lower_bound(start);
    if (found == view.nodes().end() || !found->first.starts_with(start)) continue;
    if (is_word(found->first, start.size() - alias.word.size(), alias.word.size())) return true;
  }
  return false;
}

bool has_part(std::string_view path, std::string_view part) {
  const auto parts = split(parent_of(path), "/");
  return std::ranges::find(parts, part) != parts.end();
}

// usr/aarch64-linux-gnu, usr/lib/gcc-cross/aarch64-linux-gnu, usr/lib/gcc/aarch64-linux-gnu: where
// cross compilers keep their target's files.
bool is_cross_toolchain(std::string_view path, std::string_view architecture) {
  for (const std::string_view base : {"usr/", "usr/lib/gcc-cross/", "usr/lib/gcc/", "usr/local/"}) {
    if (!path.starts_with(base)) continue;
    const std::string_view part =
        path.substr(base.size(), path.find('/', base.size()) - base.size());
    if (part.find("-linux-") != std::string_view::npos && find_word(part, architecture))
      return true;
  }
  return false;
}

}  // namespace

bool is_expected_place(const MergedView& view, std::string_view path, std::string_view architecture,
                       std::string_view host_architecture) {
  if (is_cross_toolchain(path, architecture)) return true;
  if (path.starts_with("usr/lib/debug/") || has_part(path, "testdata")) return true;
  std::size_t start = 0;
  while (start <= path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    const std::string_view parent = start == 0 ? "" : path.substr(0, start - 1);
    const auto word = find_word(part, architecture);
    if (word && has_sibling(view, parent, part.substr(0, word->first), host_architecture))
      return true;
    start = end + 1;
  }
  return false;
}

}  // namespace nodeproof::inspect
