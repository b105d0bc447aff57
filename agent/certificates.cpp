#include "agent/certificates.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "agent/codes.hpp"
#include "agent/config/credential.hpp"
#include "common/clock.hpp"
#include "common/crypto_certificate.hpp"
#include "common/file.hpp"
#include "common/words.hpp"

namespace nodeproof {
namespace {

using std::chrono::days;

struct Use {
  std::string file;
  std::string of;  // "the client certificate of registry r.example.com"
  bool authority = false;
};

void add_use(std::vector<Use>& uses, Use use) {
  if (!use.file.empty()) uses.push_back(std::move(use));
}

std::vector<Use> uses_of(const config::Config& config) {
  std::vector<Use> uses;
  for (const auto& [host, registry] : config.registries) {
    add_use(uses, {registry.client_certificate, "the client certificate of registry " + host});
    add_use(uses, {registry.ca, "the authority of registry " + host, true});
  }
  const auto add_receiver = [&uses](const config::Receiver& to, const std::string& name) {
    add_use(uses, {to.client_certificate, "the client certificate of " + name});
    add_use(uses, {to.ca, "the authority of " + name, true});
  };
  add_receiver(config.report.webhook.to, "report.webhook");
  add_receiver(config.report.otlp.to, "report.otlp");
  return uses;
}

// "" = it does not end soon.
std::string when(std::chrono::sys_seconds end, std::chrono::sys_seconds now) {
  if (end <= now) return "has ended";
  for (const int left : std::array{1, 7, 30}) {
    if (end - now <= days(left)) {
      return "ends within " + std::to_string(left) + (left == 1 ? " day" : " days");
    }
  }
  return "";
}

std::optional<Finding> finding_of(const Use& use, std::chrono::system_clock::time_point now) {
  const auto text = read_file(use.file);
  const auto times = text ? certificate_times(*text)
                          : Result<std::vector<CertificateTime>>(std::unexpected(text.error()));
  if (!times || (use.authority && times->size() > 1)) return std::nullopt;
  const auto first = std::ranges::min_element(*times, {}, &CertificateTime::not_after);
  // In seconds: nanoseconds end in 2262, and some certificates in 9999.
  const std::string ends = when(first->not_after, std::chrono::floor<std::chrono::seconds>(now));
  if (ends.empty()) return std::nullopt;
  Finding finding;
  finding.code = code::kCertificateExpiring;
  finding.severity = Severity::warn;
  finding.subject = use.file;
  const auto end =
      std::max(first->not_after, std::chrono::sys_seconds());  // years as 0001 are none
  finding.message = use.of + " " + ends + ": " + to_rfc3339(end);
  finding.evidence = excerpt(first->subject) + ", notAfter " + to_rfc3339(end);
  finding.remedy =
      "renew it and write it over the file, key and certificate; it is read anew each "
      "time, without a restart";
  return finding;
}

}  // namespace

std::vector<Finding> expiring_certificates(const config::Config& config,
                                           std::chrono::system_clock::time_point now) {
  std::vector<Finding> findings;
  for (const Use& use : uses_of(config)) {
    if (auto finding = finding_of(use, now)) findings.push_back(*std::move(finding));
  }
  return findings;
}

}  // namespace nodeproof
