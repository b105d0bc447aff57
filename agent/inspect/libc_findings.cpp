// What glibc refuses by its own tables: kernels older than its tag (until 2.35), and libraries that
// want more static TLS than it keeps free for those that come later.
#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "agent/inspect/paths.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

// glibc elf/dl-tls.c: what is kept beside the TLS of a start's own libraries, in bytes, unless
// rtld.optional_static_tls or glibc.rtld.nns say otherwise.
constexpr std::uint64_t kSurplus = 1664;

using Version = std::array<unsigned, 3>;

// "6.1.0-rpi7-v8" -> 6, 1, 0
std::optional<Version> parse(std::string_view text) {
  Version version{};
  for (std::size_t i = 0; i < version.size(); ++i) {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), version.at(i));
    if (error != std::errc{}) return i < 2 ? std::nullopt : std::optional(version);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with('.')) return i < 1 ? std::nullopt : std::optional(version);
    text.remove_prefix(1);
  }
  return version;
}

bool compares_kernels(const Node& node) {
  const elf::CodeFacts* code = node.code();
  return code != nullptr &&
         std::ranges::find(code->marks, elf::Mark::kernel_check) != code->marks.end();
}

// Files whose tag the start's C library compares with the kernel.
std::set<std::string> compared_files(const Reachability& reached) {
  std::set<std::string> paths;
  for (const Program& program : reached.programs) {
    if (!compares_kernels(program.loader ? program.loader->node : program.node)) continue;
    paths.insert(program.path);
    if (program.loader) paths.insert(program.loader->path);
    for (const LoadedLibrary& library : program.libraries) paths.insert(library.found.path);
  }
  return paths;
}

std::vector<Finding> old_kernel(const Scene& scene) {
  const auto own = parse(scene.input.host.kernel_release);
  if (!own) return {};
  const std::set<std::string> compared = compared_files(scene.reached);
  Suspects suspects;
  for (const SurveyedFile& file : scene.survey.files) {
    const auto needed = parse(file.elf().kernel);
    if (!needed || *needed <= *own || !compared.contains(file.path)) continue;
    suspects.add(file, "NT_GNU_ABI_TAG says Linux " + printable(file.elf().kernel));
  }
  if (suspects.empty()) return {};
  constexpr std::string_view kWhat =
      "a newer kernel than this host's: the C library says \"FATAL: kernel too old\"";
  Finding finding = suspects.finding(code::kKernelTooOld, Severity::warn,
                                     "wants " + std::string(kWhat), "want " + std::string(kWhat));
  finding.evidence += "; this host runs " + printable(scene.input.host.kernel_release);
  finding.remedy = "Update the host's kernel, or take an older base image.";
  return {finding};
}

// Made to be there from the start: preloaded, or linked into the program.
bool is_started_with(std::string_view name) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"libjemalloc", "libtcmalloc", "libmimalloc", "libasan", "libhwasan", "liblsan", "libtsan",
       "libclang_rt", "libc.so", "libc-", "ld-", "libpthread", "libmemusage", "libsnmalloc"});
  return std::ranges::any_of(kNames,
                             [&](std::string_view known) { return name.starts_with(known); });
}

class LateTls {
 public:
  explicit LateTls(const Scene& scene) : scene_(scene) {
    preload_ = variable(scene.input.image.config.env, "LD_PRELOAD");
    for (const SurveyedFile& file : scene.survey.files) {
      if (file.role != Role::program) continue;
      needed_.insert(file.elf().needed.begin(), file.elf().needed.end());
    }
  }

  std::vector<Finding> take() {
    Suspects large, all;
    std::uint64_t sum = 0;
    for (const SurveyedFile& file : scene_.survey.files) {
      if (!is_late(file)) continue;
      const std::uint64_t size = file.elf().tls_size;
      sum += std::min(size, kSurplus + 1);
      const std::string why = "DF_STATIC_TLS, PT_TLS of " + std::to_string(size) + " bytes";
      all.add(file, why);
      if (size > kSurplus) large.add(file, why);
    }
    if (!large.empty()) return {told(large, Severity::warn, "more")};
    if (sum > kSurplus) return {told(all, Severity::info, "together more")};
    return {};
  }

 private:
  [[nodiscard]] bool is_late(const SurveyedFile& file) const {
    const elf::Facts& facts = file.elf();
    if (file.reached() || file.role != Role::library || !facts.static_tls) return false;
    const std::string_view name = name_of(file.path);
    const bool linked = needed_.contains(facts.soname) || needed_.contains(name);
    return !linked && !is_started_with(name) && !preload_.contains(name) &&
           (facts.soname.empty() || !preload_.contains(facts.soname));
  }

  static Finding told(const Suspects& suspects, Severity severity, const std::string& amount) {
    const std::string what = amount +
                             " static TLS than glibc keeps for libraries that are loaded "
                             "later: \"cannot allocate memory in static TLS block\" is possible";
    Finding finding =
        suspects.finding(code::kStaticTlsRisk, severity, "wants " + what, "want " + what);
    finding.evidence += "; glibc keeps " + std::to_string(kSurplus) + " bytes";
    finding.remedy =
        "Load it at the start (LD_PRELOAD), or declare a smoke test that imports what loads it.";
    return finding;
  }

  const Scene& scene_;
  std::string preload_;
  std::set<std::string, std::less<>> needed_;
};

bool starts_with_glibc(const Reachability& reached) {
  return std::ranges::any_of(reached.programs, [](const Program& program) {
    return program.loader && program.loader_kind == LoaderKind::glibc;
  });
}

}  // namespace

std::vector<Finding> libc_findings(const Scene& scene) {
  std::vector<Finding> findings = old_kernel(scene);
  if (!starts_with_glibc(scene.reached)) return findings;
  for (Finding& finding : LateTls(scene).take()) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace nodeproof::inspect
