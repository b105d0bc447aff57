#include "agent/report/verifier.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "agent/codes.hpp"
#include "agent/json_read.hpp"
#include "common/file.hpp"
#include "common/reference.hpp"
#include "common/text.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kMaxBytes = 4096;
constexpr std::size_t kMaxReason = 1000;

// What is so of these bytes on this host whenever they are pulled, by an exact rule. A pull that is
// refused mends nothing: whatever a registry, a disk, a limit or a moment may have caused is not
// among them.
constexpr auto kOfTheBytes = std::to_array<std::string_view>(
    {code::kPlatformMissing, code::kPlatformMismatch, code::kArchMismatch, code::kWouldRunEmulated,
     code::kLayerCorrupt, code::kLoaderMissing, code::kLibraryMissing, code::kSymbolVersionMissing,
     code::kKernelTooOld, code::kPageSizeIncompatible, code::kAddressSpaceMismatch,
     code::kMissingIsaExtension, code::kEntrypointMissing, code::kSmokeFailed, code::kNotExecutable,
     code::kProgramCrashed, code::kUnalignedAccess, code::kSyscallRefused});

// This node's copy is not these bytes: what else was found may come of that, and a pull mends it.
constexpr auto kOfTheCopy =
    std::to_array<std::string_view>({code::kContentCorrupt, code::kFileCorrupt});

// The first of these; nullptr = none.
const Finding* failure_of(const ImageReport& image, std::span<const std::string_view> codes) {
  const auto found = std::ranges::find_if(image.findings, [codes](const Finding& finding) {
    return finding.severity == Severity::fail &&
           std::ranges::find(codes, finding.code) != codes.end();
  });
  return found == image.findings.end() ? nullptr : &*found;
}

const Finding* failure_of_the_bytes(const ImageReport& image) {
  if (failure_of(image, kOfTheCopy) != nullptr) return nullptr;
  return failure_of(image, kOfTheBytes);
}

std::filesystem::path counters_file(const std::filesystem::path& run_dir) {
  return run_dir / "verifier.json";
}

Result<VerifierCounters> read_counters(const std::filesystem::path& run_dir) {
  const std::string text = TRY(read_file(counters_file(run_dir), kMaxBytes));
  const json::Value root = TRY(json::parse(text));
  VerifierCounters counters;
  TRY(json::read(root, "allowed", counters.allowed));
  TRY(json::read(root, "denied", counters.denied));
  TRY(json::read(root, "wouldDeny", counters.would_deny));
  TRY(json::read(root, "undecided", counters.undecided));
  return counters;
}

Result<UniqueFd> lock(const std::filesystem::path& file, std::chrono::milliseconds patience) {
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(errno, file.string());
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno(errno, file.string());
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(Errc::busy, file.string() + ": other image verifiers are at it");
    }
    ::poll(nullptr, 0, 1);
  }
  return fd;
}

std::uint64_t& counter_of(VerifierCounters& counters, Decision decision) {
  switch (decision) {
    case Decision::allowed:
      return counters.allowed;
    case Decision::denied:
      return counters.denied;
    case Decision::would_deny:
      return counters.would_deny;
    case Decision::undecided:
      break;
  }
  return counters.undecided;
}

}  // namespace

std::optional<std::string> refusal(const NodeReport& report, const PullQuestion& pull) {
  const auto asked = Reference::parse(pull.name);
  if (!asked || pull.digest.empty() || report.overridden) return {};
  for (const ImageReport& image : report.images) {
    if (!image.required || image.verdict != Verdict::not_ready) continue;
    if (pull.digest != image.index_digest && pull.digest != image.manifest_digest) continue;
    const auto named = Reference::parse(image.reference);
    if (!named || named->name() != asked->name()) continue;
    const Finding* found = failure_of_the_bytes(image);
    if (found != nullptr) return printable(found->code + ": " + found->message, kMaxReason);
  }
  return {};
}

VerifierCounters load_verifier_counters(const std::filesystem::path& run_dir) {
  return read_counters(run_dir).value_or(VerifierCounters{});
}

Result<> count_decision(const std::filesystem::path& run_dir, Decision decision,
                        std::chrono::milliseconds patience) {
  TRY(make_directories(run_dir));
  const UniqueFd held = TRY(lock(run_dir / "verifier.lock", patience));
  VerifierCounters counters = load_verifier_counters(run_dir);
  ++counter_of(counters, decision);
  json::Writer out;
  out.begin_object().member("allowed", counters.allowed).member("denied", counters.denied);
  out.member("wouldDeny", counters.would_deny).member("undecided", counters.undecided);
  out.end_object();
  return write_file_atomically(counters_file(run_dir), out.str());
}

}  // namespace nodeproof::report
