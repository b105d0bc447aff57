#include <array>

#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "agent/inspect/page_fault.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::uint64_t kSmall = 4096;
constexpr auto kLarger = std::to_array<std::uint64_t>({16384, 65536});
constexpr std::string_view kRelink =
    "Relink with -z max-page-size=65536, or boot a kernel with 4 KiB pages (Raspberry Pi 5: "
    "kernel=kernel8.img in config.txt).";
constexpr std::string_view kRebuildAllocator =
    "Build jemalloc with --with-lg-page=16 (Rust: JEMALLOC_SYS_WITH_LG_PAGE=16), or boot a kernel "
    "with 4 KiB pages (Raspberry Pi 5: kernel=kernel8.img in config.txt).";

// Only Arm's processors have pages of several sizes that images are commonly built for.
bool may_have_larger_pages(const SurveyedFile& file) {
  const std::uint16_t machine = file.elf().header.machine;
  return machine == elf::kMachineAArch64 || machine == elf::kMachineArm;
}

std::optional<PageFault> allocator_fault(const SurveyedFile& file, std::uint64_t page) {
  const elf::CodeFacts* code = file.node.code();
  if (code == nullptr || !code->jemalloc_page || *code->jemalloc_page >= page) return std::nullopt;
  return PageFault{true, "its jemalloc is compiled for pages of " +
                             std::to_string(*code->jemalloc_page) + " bytes at most"};
}

std::optional<PageFault> any_fault(const SurveyedFile& file, std::uint64_t page) {
  auto fault = page_fault(file.elf(), file.mapper, page);
  if (fault && fault->certain) return fault;
  auto allocator = allocator_fault(file, page);
  return allocator ? allocator : fault;
}

struct Stage {  // what happens, by who maps the file
  std::string_view single, many;
};

Stage words_for(Mapper mapper) {
  switch (mapper) {
    case Mapper::kernel:
      return {"cannot be started with", "cannot be started with"};
    case Mapper::glibc:
    case Mapper::aligned_glibc:
      return {"is refused by the image's loader with", "are refused by the image's loader with"};
    case Mapper::musl:
      return {"is mapped wrongly, without a word, by the image's musl with",
              "are mapped wrongly, without a word, by the image's musl with"};
    case Mapper::other:
      break;
  }
  return {"may not work with", "may not work with"};
}

class Finder {
 public:
  explicit Finder(const Scene& scene) : scene_(scene), page_(scene.input.host.page_size) {}

  std::vector<Finding> take() {
    for (const Mapper mapper :
         {Mapper::kernel, Mapper::glibc, Mapper::aligned_glibc, Mapper::musl, Mapper::other}) {
      segments(mapper);
    }
    allocators();
    return std::move(findings_);
  }

 private:
  void segments(Mapper mapper) {
    Suspects certain, doubtful, unreached;
    for (const SurveyedFile& file : scene_.survey.files) {
      if (file.mapper != mapper) continue;
      auto fault = page_fault(file.elf(), mapper, page_);
      if (!fault) continue;
      (!file.reached()  ? unreached
       : fault->certain ? certain
                        : doubtful)
          .add(file, std::move(fault->why));
    }
    const Stage words = words_for(mapper);
    tell(certain, Severity::fail, words, kRelink);
    tell(doubtful, Severity::warn, words_for(Mapper::other), kRelink);
    tell(unreached, Severity::warn, words_for(Mapper::other), kRelink);
  }

  void allocators() {
    Suspects reached, unreached;
    for (const SurveyedFile& file : scene_.survey.files) {
      auto fault = allocator_fault(file, page_);
      if (fault) (file.reached() ? reached : unreached).add(file, std::move(fault->why));
    }
    constexpr Stage kWords{"says \"<jemalloc>: Unsupported system page size\" with",
                           "say \"<jemalloc>: Unsupported system page size\" with"};
    tell(reached, Severity::fail, kWords, kRebuildAllocator);
    tell(unreached, Severity::warn, kWords, kRebuildAllocator);
  }

  void tell(const Suspects& suspects, Severity severity, Stage words, std::string_view remedy) {
    if (suspects.empty()) return;
    const std::string pages = " this host's pages of " + pages_of(page_);
    Finding finding =
        suspects.finding(code::kPageSizeIncompatible, severity, std::string(words.single) + pages,
                         std::string(words.many) + pages);
    finding.remedy = remedy;
    findings_.push_back(std::move(finding));
  }

  const Scene& scene_;
  std::uint64_t page_;
  std::vector<Finding> findings_;
};

enum class Which { reached, all };

// Good with pages of 4 KiB, and certainly not with larger ones that a host may have.
Suspects stopped_by_larger(const Scene& scene, Which which) {
  Suspects suspects;
  for (const SurveyedFile& file : scene.survey.files) {
    if (!may_have_larger_pages(file) || (which == Which::reached && !file.reached())) continue;
    for (const std::uint64_t page : kLarger) {
      const auto fault = any_fault(file, page);
      if (!fault || !fault->certain) continue;
      suspects.add(file, "not with " + pages_of(page) + ": " + fault->why);
      break;
    }
  }
  return suspects;
}

// The host's page size is not known: what would be stopped by one that it may have?
std::vector<Finding> not_known(const Scene& scene) {
  const Suspects suspects = stopped_by_larger(scene, Which::reached);
  if (suspects.empty()) return {};
  Finding finding =
      suspects.finding(code::kPageSizeIncompatible, Severity::unknown,
                       "does not work with every page size, and this host's is not known",
                       "do not work with every page size, and this host's is not known");
  finding.remedy =
      "Take the host's facts anew (nodeproof host -o json), or relink with -z "
      "max-page-size=65536.";
  return {finding};
}

// Safe here, but not on the board that comes next.
std::vector<Finding> small_only(const Scene& scene) {
  const Suspects suspects = stopped_by_larger(scene, Which::all);
  if (suspects.empty()) return {};
  Finding finding =
      suspects.finding(code::kNeedsSmallPages, Severity::info,
                       "works with this host's pages of 4 KiB, but not with larger ones",
                       "work with this host's pages of 4 KiB, but not with larger ones");
  finding.remedy =
      "Nothing to do on this host. Before it runs on a Raspberry Pi 5 (16 KiB) or a kernel with 64 "
      "KiB pages, relink with -z max-page-size=65536, and build jemalloc with --with-lg-page=16.";
  return {finding};
}

}  // namespace

std::vector<Finding> page_size_findings(const Scene& scene) {
  const std::uint64_t page = scene.input.host.page_size;
  if (page == 0) return not_known(scene);
  std::vector<Finding> findings = Finder(scene).take();
  if (page != kSmall) return findings;
  for (Finding& finding : small_only(scene)) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace nodeproof::inspect
