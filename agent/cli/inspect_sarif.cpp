#include "agent/cli/inspect_sarif.hpp"

#include <vector>

#include "agent/report/sarif.hpp"

namespace nodeproof::cli {

std::string to_sarif(std::span<const index::IndexReport> reports) {
  std::vector<report::SarifSubject> subjects;
  for (const index::IndexReport& report : reports) {
    subjects.push_back({report.reference, "", report.index_digest, "", report.findings});
    for (const index::PlatformReport& platform : report.platforms) {
      subjects.push_back(
          {report.reference, platform.platform, platform.digest, "", platform.findings});
    }
    for (const index::HostReport& host : report.hosts) {
      subjects.push_back({report.reference, host.platform, host.digest, host.host, host.findings});
    }
  }
  return report::to_sarif(subjects);
}

}  // namespace nodeproof::cli
