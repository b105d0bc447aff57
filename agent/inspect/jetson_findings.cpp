#include "agent/inspect/jetson_findings.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "agent/codes.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {
namespace {

constexpr std::string_view kName = "L4T_VERSION";
constexpr unsigned kOldest = 21, kNewest = 99;  // releases that there are or may be

// "36.2.0", "r36.2.0"; 0 = no release.
unsigned major_of(std::string_view text) {
  if (text.starts_with('r') || text.starts_with('R')) text.remove_prefix(1);
  unsigned major = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), major);
  const bool dotted = failure == std::errc() && end != text.data() + text.size() && *end == '.';
  return dotted && major >= kOldest && major <= kNewest ? major : 0;
}

// "2.6-r36.4.0-cu128": the part that begins with r and a release.
TegraRelease in_tag(std::string_view tag) {
  while (!tag.empty()) {
    const std::string_view part = tag.substr(0, tag.find_first_of("-_"));
    if (part.starts_with('r') && major_of(part) != 0) {
      return {major_of(part), "tag " + std::string(part)};
    }
    tag.remove_prefix(std::min(part.size() + 1, tag.size()));
  }
  return {};
}

// R34 was the preview of R35: both are JetPack 5.
unsigned generation(unsigned major) { return major == 34 ? 35 : major; }

Finding finding_of(const InspectInput& input, const TegraRelease& release) {
  Finding finding;
  finding.code = code::kJetsonReleaseMismatch;
  finding.severity = Severity::warn;
  finding.subject = printable(release.said);
  finding.evidence = printable(release.said) + "; host: " +
                     (input.host.l4t.empty() ? "L4T not known" : "L4T " + input.host.l4t);
  finding.remedy =
      "use the image that is built for this host's L4T release, or update the host's "
      "JetPack";
  return finding;
}

}  // namespace

TegraRelease tegra_release_of(const ResolvedImage& image) {
  for (const std::string& variable : image.config.env) {
    const std::string_view text = variable;
    if (!text.starts_with(kName) || text.substr(kName.size(), 1) != "=") continue;
    if (const unsigned major = major_of(text.substr(kName.size() + 1))) return {major, variable};
  }
  const auto label = image.config.labels.find(std::string(kName));
  if (label != image.config.labels.end()) {
    if (const unsigned major = major_of(label->second)) {
      return {major, "label " + label->first + "=" + label->second};
    }
  }
  const std::string name = image.reference.name();
  const bool for_jetsons =
      name.contains("l4t") || name.contains("jetson") || name.starts_with("docker.io/dustynv/");
  const std::size_t colon = name.rfind(':');
  if (!for_jetsons || colon == std::string::npos) return {};
  return in_tag(std::string_view(name).substr(colon + 1));
}

std::vector<Finding> jetson_findings(const InspectInput& input) {
  const bool jetson = !input.host.l4t.empty() || input.host.board.contains("Jetson");
  if (!jetson) return {};
  const TegraRelease release = tegra_release_of(input.image);
  if (release.major == 0) return {};
  Finding finding = finding_of(input, release);
  const unsigned host = major_of(input.host.l4t);
  if (host == 0) {
    finding.message = "the image is for one release of L4T; which this host has is not known";
    finding.remedy = "give the host's own facts: nodeproof host -o json";
    return {finding};
  }
  if (generation(host) == generation(release.major)) return {};
  finding.message = "the image is built for L4T R" + std::to_string(release.major) +
                    ", this host has R" + std::to_string(host) +
                    ": the host's driver libraries do not fit the image's CUDA libraries";
  return {finding};
}

}  // namespace nodeproof::inspect
