// Where a dynamic loader looks for a library: ld.so(8) of glibc and the rules of musl's dynlink.c.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/inspect/merged_view.hpp"

namespace nodeproof::inspect {

// Can both live in one process?
[[nodiscard]] inline bool same_machine(const elf::Header& a, const elf::Header& b) {
  return a.machine == b.machine && a.bits == b.bits && a.big_endian == b.big_endian;
}

enum class LoaderKind { glibc, musl, other };

// An object in memory that asks for libraries; its chain leads to the program.
struct LoadedObject {
  std::string path;      // without links
  std::string as_found;  // as the loader found it, links included
  const elf::Facts* facts = nullptr;
  std::optional<std::size_t> requester;  // index of the object that asked for this one
};

class LibrarySearch {
 public:
  struct Setting {
    elf::Header program;
    std::string loader_path;  // of the file itself, without links
    std::string interpreter;  // PT_INTERP as written
    std::string ld_library_path;
    std::string isa_level = {};  // of the host, "x86-64-v3"; "" = not known
  };
  LibrarySearch(const MergedView& view, Setting setting);

  [[nodiscard]] LoaderKind kind() const { return kind_; }
  // In the loader's order, "$ORIGIN" and its like expanded. Where a loader's built-in list is not
  // known from outside it is widened by what is usual, so that "not found" can be relied on.
  [[nodiscard]] std::vector<std::string> directories(const std::vector<LoadedObject>& objects,
                                                     std::size_t requester) const;
  // Below each directory, looked into first: "glibc-hwcaps/x86-64-v3" ... (ld.so(8)).
  [[nodiscard]] const std::vector<std::string>& variants() const { return variants_; }
  // Names the loader satisfies by itself.
  [[nodiscard]] bool is_built_in(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> expand(std::string_view text,
                                                const LoadedObject& object) const;

 private:
  void add(std::vector<std::string>& to, std::string_view list, const LoadedObject& object) const;
  void add_rpaths(std::vector<std::string>& to, const std::vector<LoadedObject>& objects,
                  std::size_t requester) const;

  const MergedView& view_;
  Setting setting_;
  LoaderKind kind_;
  std::vector<std::string> variants_;
  std::vector<std::string> system_;  // ld.so.conf or musl's path file, then the defaults
};

}  // namespace nodeproof::inspect
