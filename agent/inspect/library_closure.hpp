// The libraries a loader will load before a program's first instruction.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/inspect/library_search.hpp"
#include "agent/inspect/reachability.hpp"

namespace nodeproof::inspect {

struct LoadedLibrary {
  Found found;
  std::string via;  // who asked first
};

class LibraryClosure {
 public:
  // Walks at once; borrows the view.
  LibraryClosure(const MergedView& view, const Found& program, const Found& loader,
                 std::string ld_library_path);

  [[nodiscard]] const std::vector<LoadedLibrary>& libraries() const { return libraries_; }
  [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }

 private:
  struct Candidate {
    Found found;
    std::string as_found;
  };
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
