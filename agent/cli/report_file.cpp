#include "agent/cli/report_file.hpp"

#include <fcntl.h>
#include <string.h>  // NOLINT(modernize-deprecated-headers): explicit_bzero
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "agent/cli/side_file.hpp"
#include "agent/report/attested.hpp"
#include "agent/report/json.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::size_t kMaxReportBytes = 16U << 20U;
constexpr std::size_t kMaxKeyBytes = 16384;
constexpr const char* kMakeReport = "make one on the node with: nodeproof check -o json";

Result<> check_private(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail_errno(errno, "looking at it");
  if (!S_ISREG(status.st_mode)) return fail(Errc::usage, "this is no file");
  if ((status.st_mode & 077U) != 0) {
    return fail(Errc::usage, "others than its owner may read or change this private key",
                "chmod 600 it, and use a new key if somebody may have read it");
  }
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return fail(Errc::usage, "this private key belongs to another user",
                "use a key of your own, or run this as its owner");
  }
  return {};
}

Result<PrivateKey> private_key_in(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail_errno(errno, "opening it");
  TRY(check_private(fd.get()));
  std::array<char, kMaxKeyBytes> pem{};
  const ssize_t size = ::read(fd.get(), pem.data(), pem.size());
  if (size < 0) return fail_errno(errno, "reading it");
  auto key = PrivateKey::parse({pem.data(), static_cast<std::size_t>(size)});
  ::explicit_bzero(pem.data(), pem.size());
  return key;
}

Result<PublicKey> public_key_in(const std::filesystem::path& path) {
  const std::string pem = TRY(read_file(path, kMaxKeyBytes));
  return PublicKey::parse(pem);
}

}  // namespace

Result<NodeReport> read_report(const std::string& path, std::span<const PublicKey> keys,
                               bool* attested) {
  const SideFile file{"REPORT", path};
  const auto text = read_file(path == "-" ? "/dev/stdin" : path, kMaxReportBytes);
  if (!text) return std::unexpected(not_usable(file, text.error()));
  auto report = report::from_json(*text);
  if (report && !keys.empty()) {
    const bool is_signed = report::believe_attested(*report, *text, keys);
    if (attested != nullptr) *attested = is_signed;
  }
  if (report) return report;
  if (report.error().remedy.empty()) report.error().remedy = kMakeReport;
  return std::unexpected(not_usable(file, std::move(report).error()));
}

Result<PrivateKey> read_private_key(const std::filesystem::path& path, const std::string& option) {
  auto key = private_key_in(path);
  if (key) return key;
  return std::unexpected(not_usable({option, path}, std::move(key).error()));
}

Result<PublicKey> read_public_key(const std::filesystem::path& path) {
  auto key = public_key_in(path);
  if (key) return key;
  return std::unexpected(not_usable({"--key", path}, std::move(key).error()));
}

}  // namespace nodeproof::cli
