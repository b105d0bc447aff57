// The libraries a loader will load before a program's first instruction.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/inspect/library_search.hpp"
#include "agent/inspect/reachability.hpp"

namespace nodeproof::inspect {

// What of the start and of the host the loader heeds.
struct LoaderSetting {
  std::string ld_library_path;
  std::string ld_preload;
  std::string isa_level;  // HostFacts::isa_level
};

class LibraryClosure {
 public:
  // Walks at once; borrows the view.
  LibraryClosure(const MergedView& view, const Found& program, const Found& loader,
                 LoaderSetting setting);

  [[nodiscard]] const std::vector<LoadedLibrary>& libraries() const { return libraries_; }
  [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }
  [[nodiscard]] LoaderKind loader_kind() const { return search_.kind(); }

 private:
  struct Candidate {
    Found found;
    std::string as_found;
  };
  void preload(std::string_view names);
  void load_needed(std::size_t requester);
  void load(const std::string& name, std::size_t requester);
  [[nodiscard]] std::vector<std::string> places(const std::string& name,
                                                std::size_t requester) const;
  void accept(const Candidate& candidate, const std::string& name, std::size_t requester);
  void missing(const std::string& name, std::size_t requester);
  struct Evidence {
    std::string detail;
    Node node = {};  // of the file that is wrong
  };
  void problem(Obstacle obstacle, std::string subject, std::size_t requester, Evidence evidence);

  const MergedView& view_;
  elf::Header machine_;
  LibrarySearch search_;
  std::vector<LoadedObject> objects_;
  std::vector<LoadedLibrary> libraries_;
  std::vector<Problem> problems_;
  std::set<std::string, std::less<>>
      names_;  // asked for, or a DT_SONAME: loaded, or known to be missing
  std::size_t lookups_ = 0;
};

}  // namespace nodeproof::inspect
