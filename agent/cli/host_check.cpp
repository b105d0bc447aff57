#include "agent/cli/host_check.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "agent/cli/asked_host.hpp"
#include "agent/codes.hpp"
#include "agent/inspect/inspect.hpp"
#include "agent/report/findings.hpp"
#include "agent/resolve/choose.hpp"
#include "agent/resolve/resolve.hpp"
#include "common/clock.hpp"

namespace nodeproof::cli {
namespace {

using index::HostReport;
using index::IndexReport;
using index::PlatformReport;
using index::PlatformVerdict;

Verdict verdict_of(const std::vector<Finding>& findings) {
  const auto has = [&](Severity severity) {
    return std::ranges::find(findings, severity, &Finding::severity) != findings.end();
  };
  if (has(Severity::fail)) return Verdict::not_ready;
  return has(Severity::unknown) ? Verdict::unknown : Verdict::ready;
}

const PlatformReport* find(const IndexReport& report, const std::string& digest) {
  const auto found = std::ranges::find(report.platforms, digest, &PlatformReport::digest);
  return found == report.platforms.end() ? nullptr : &*found;
}

// Programs are looked at only where every byte of them is what it should be.
void inspect_for(const HostFacts& facts, const ResolvedImage& image,
                 const inspect::InventoryCache& inventories, HostReport& report) {
  const auto layers = inspect::load_inventories(inventories, image.document);
  const std::vector<SmokeTest> no_tests;
  std::ranges::move(
      inspect::inspect({image, layers, facts, Emulation::refuse, no_tests, false}).findings,
      std::back_inserter(report.findings));
}

// The registry's part: what does not come whole is right for nobody.
bool comes_whole(const PlatformReport& platform, HostReport& report) {
  if (platform.verdict == PlatformVerdict::whole) return true;
  const bool unknown = platform.verdict == PlatformVerdict::unknown;
  report.verdict = unknown ? Verdict::unknown : Verdict::not_ready;
  return false;
}

HostReport head_of(const NamedHost& host, std::string digest) {
  HostReport report;
  report.host = host.name;
  report.platform = to_string(host.facts.platform);
  if (host.facts.containerd) report.containerd = host.facts.containerd->version;
  report.digest = std::move(digest);
  return report;
}

}  // namespace

Result<std::vector<NamedHost>> hosts_in(const std::vector<std::string>& files,
                                        const config::Config& config, const std::stop_token& stop) {
  std::vector<NamedHost> hosts;
  for (const std::string& file : files) {
    HostFacts facts = TRY(host_asked_for({file, {}, {}}, config, stop));
    std::string name =
        facts.name.empty() ? std::filesystem::path(file).stem().string() : facts.name;
    if (std::ranges::find(hosts, name, &NamedHost::name) != hosts.end()) name += " (" + file + ")";
    hosts.push_back({std::move(name), std::move(facts)});
  }
  return hosts;
}

HostCheck::HostCheck(Registry& registry, const Question& question, std::stop_token stop)
    : registry_(registry), question_(question), stop_(std::move(stop)) {}

void HostCheck::join(index::ValidateOptions& options) {
  options.read_too = [this](const Digest& top) {
    std::vector<std::string> digests;
    taken_.clear();
    const auto reference = Reference::parse(question_.reference.name_with_digest(top));
    if (!reference) return digests;
    for (const NamedHost& host : question_.hosts) {
      taken_.push_back(taken_by(host.facts, *reference));
      if (taken_.back().image) digests.push_back(taken_.back().digest);
    }
    return digests;
  };
}

HostCheck::Taken HostCheck::taken_by(const HostFacts& facts, const Reference& top) {
  auto image = resolve::resolve(registry_, top, facts, stop_);
  if (image) {
    std::string digest = image->manifest.digest.str();
    return {std::move(digest), std::move(image)};
  }
  if (image.error().code == Errc::no_matching_platform) return {"", std::move(image)};
  return {entry_for(facts, top), std::move(image)};
}

// Of an image that cannot be had: its entry in the tag's own index.
std::string HostCheck::entry_for(const HostFacts& facts, const Reference& top) {
  const auto document = registry_.manifest(top, stop_);
  if (!document) return "";
  const auto parsed = parse_image_document(document->bytes, document->descriptor.media_type);
  const auto* tag = parsed ? std::get_if<Index>(&*parsed) : nullptr;
  if (tag == nullptr) return document->descriptor.digest.str();
  const auto rules = resolve::rules_of(facts.containerd);
  const auto entry = resolve::take(tag->manifests, facts.platform, rules).choice.entry;
  return entry ? tag->manifests[*entry].digest.str() : "";
}

void HostCheck::conclude(IndexReport& report, const inspect::InventoryCache& inventories) const {
  for (std::size_t i = 0; i < question_.hosts.size(); ++i) {
    if (i >= taken_.size()) {  // the tag itself could not be read: its findings say why
      report.hosts.push_back(head_of(question_.hosts[i], ""));
      const bool damaged = report.verdict == index::IndexVerdict::damaged;
      report.hosts.back().verdict = damaged ? Verdict::not_ready : Verdict::unknown;
      continue;
    }
    const Taken& taken = taken_[i];
    HostReport& host = report.hosts.emplace_back(head_of(question_.hosts[i], taken.digest));
    const PlatformReport* platform = find(report, taken.digest);
    if (platform != nullptr && !comes_whole(*platform, host)) {
      if (taken.image) host.choice = taken.image->choice;
      continue;
    }
    if (taken.image) {
      host.choice = taken.image->choice;
      host.findings = taken.image->findings;
      inspect_for(question_.hosts[i].facts, *taken.image, inventories, host);
    } else {
      host.findings.push_back(
          report::finding_from_error(taken.image.error(), report::Stage::resolve));
    }
    report::ease(host.findings, question_.reference.name(), question_.leniency,
                 SystemClock().now());
    host.verdict = verdict_of(host.findings);
  }
}

}  // namespace nodeproof::cli
