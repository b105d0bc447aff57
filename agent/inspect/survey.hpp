// The programs and libraries of an image that this host's kernel takes, whole facts only: what the
// rules about pages, instructions and addresses look at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/inspect/inspect.hpp"
#include "agent/inspect/reachability.hpp"

namespace nodeproof::inspect {

// Who maps a file into memory, for their rules differ.
enum class Mapper {
  kernel,         // programs and loaders (linux/fs/binfmt_elf.c)
  glibc,          // 2.35 and later, or not known to be older
  aligned_glibc,  // before 2.35: it compares p_align with the page size
  musl,           // checks nothing
  other,
};

struct SurveyedFile {
  std::string path;
  Node node;
  Role role = Role::library;
  Mapper mapper = Mapper::kernel;
  std::string via;  // who needs it; "" = no known start does
  [[nodiscard]] bool reached() const { return !via.empty(); }
  [[nodiscard]] const elf::Facts& elf() const { return *node.elf(); }
  [[nodiscard]] bool has(elf::Mark mark) const;
};

struct Survey {
  std::vector<SurveyedFile> files;  // reached ones first, then by path
};

[[nodiscard]] Survey take_survey(const InspectInput& input, const MergedView& view,
                                 const Reachability& reached);

// Files that one finding tells of, each with what is wrong with it.
class Suspects {
 public:
  void add(const SurveyedFile& file, std::string why);
  [[nodiscard]] bool empty() const { return files_.empty(); }
  // Subject, layer and evidence; "/app, needed by entrypoint," or "7 files that no known start
  // needs" in front of one of the two predicates.
  [[nodiscard]] Finding finding(std::string_view code, Severity severity, std::string_view single,
                                std::string_view many) const;

 private:
  struct File {
    SurveyedFile file;
    std::string why;
  };
  std::vector<File> files_;  // the first few
  std::size_t count_ = 0;
};

[[nodiscard]] bool is_arm64(const HostFacts& host);

}  // namespace nodeproof::inspect
