#include "agent/pull_plan.hpp"

#include <algorithm>
#include <utility>

#include "agent/image_report.hpp"
#include "agent/inspect/unpacked_size.hpp"
#include "agent/pull_options.hpp"
#include "agent/pull_turn.hpp"
#include "agent/report/findings.hpp"
#include "agent/required_set.hpp"
#include "agent/resolve/ledger.hpp"
#include "agent/resolve/local_first.hpp"
#include "agent/resolve/resolve.hpp"
#include "agent/resolve/zstd_twin.hpp"
#include "agent/smoke/sources.hpp"

namespace nodeproof {
namespace {

class Planner {
 public:
  Planner(const CycleConfig& config, Ports& ports, const HostFacts& host)
      : config_(config),
        ports_(ports),
        host_(host),
        ledger_(config.state_dir / "ledger"),
        polls_(config.run_dir / "polls.json", fleet_name(config, host),
               config.settings.resolve_every, ports.clock),
        turn_(config, fleet_name(config, host), polls_, ports.clock) {}

  // Nothing: it cannot be resolved, or need not be.
  std::optional<ResolvedImage> resolve(const RequiredImage& image, PlannedImage& into,
                                       const std::stop_token& stop) {
    const auto reference = Reference::parse(image.reference);
    if (!reference) return refused(reference.error(), into);
    resolve::LocalFirstRegistry documents(ports_.registry, ports_.store);
    const auto proven = config_.ad_hoc ? std::nullopt : ledger_.find(reference->name());
    const bool here = proven && proven->shape &&
                      is_here(*proven, proven->shape->rootfs, ports_.store).value_or(false);
    auto found = resolve::resolve(documents, *reference, host_, stop);
    if (!found) {
      into.proven_stays = here;
      return refused(found.error(), into);
    }
    found = resolve::zstd_twin(documents, *std::move(found), stop);
    into.platform = to_string(found->config.platform);
    into.index_digest = found->index ? found->index->digest.str() : "";
    into.manifest_digest = found->manifest.digest.str();
    into.choice = found->choice;
    into.findings = found->findings;
    note_tests(smoke::tests_of(image, found->config, test_files_), into);
    const bool other = here && top_of(*proven).digest != top_of(*found).digest;
    into.proven_stays = other && image.on_tag_moved == OnTagMoved::report;
    if (into.proven_stays) return std::nullopt;
    if (other || !image.required) into.deferred_until = turn_.deferred_until(*reference);
    return *std::move(found);
  }

 private:
  static std::nullopt_t refused(const Error& error, PlannedImage& into) {
    into.findings.push_back(report::finding_from_error(error, report::Stage::resolve));
    if (into.proven_stays) into.findings.back().severity = Severity::warn;
    return std::nullopt;
  }

  static void note_tests(smoke::ImageTests all, PlannedImage& into) {
    into.tests.clear();
    for (const SmokeTest& test : all.tests) into.tests.push_back(test.name);
    for (const SmokeResult& result : all.results) into.tests.push_back(result.name);
    append(into.findings, std::move(all.findings));
  }

  const CycleConfig& config_;
  Ports& ports_;
  const HostFacts& host_;
  smoke::TextFiles test_files_;
  resolve::Ledger ledger_;
  Polls polls_;
  PullTurn turn_;
};

PlannedImage described(const RequiredImage& image, const DescribeLogin& login) {
  PlannedImage planned;
  planned.reference = image.reference;
  planned.required = image.required;
  for (const SmokeTest& test : image.smoke) planned.tests.push_back(test.name);
  if (const auto reference = Reference::parse(image.reference)) {
    auto source = login(*reference);
    planned.credentials = source ? *std::move(source) : source.error().message;
  }
  return planned;
}

Verdict verdict_of(const std::vector<Finding>& findings) {
  Verdict verdict = Verdict::ready;
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::fail) verdict = Verdict::not_ready;
    if (finding.severity == Severity::unknown) verdict = std::max(verdict, Verdict::unknown);
  }
  return verdict;
}

// What does not fit is known.
Finding problem_finding(const Error& error) {
  Finding finding = report::finding_from_error(error, report::Stage::pull);
  if (error.code == Errc::no_space) finding.severity = Severity::fail;
  return finding;
}

}  // namespace

PullReport plan_pull(const CycleConfig& config, Ports& ports, const DescribeLogin& login,
                     const std::stop_token& stop) {
  const HostFacts host = read_facts(config, ports, stop);
  PullReport report;
  report.findings = host.findings;
  append(report.findings, config.findings);
  report::ease(report.findings, "", leniency_of(config.settings), ports.clock.now());
  const auto& name = config.settings.node.name;
  report.node = name.empty() ? host.name : name;
  report.time = ports.clock.now();
  report.bandwidth = config.settings.pull.bandwidth;
  Planner planner(config, ports, host);
  std::vector<std::pair<std::size_t, ResolvedImage>> resolved;
  for (const RequiredImage* each : required_here(config.settings.images, host)) {
    const RequiredImage& image = *each;
    report.images.push_back(described(image, login));
    const auto origin = config.origins.find(image.reference);
    if (origin != config.origins.end()) report.images.back().origin = origin->second;
    auto found = planner.resolve(image, report.images.back(), stop);
    if (found) resolved.emplace_back(report.images.size() - 1, *std::move(found));
  }
  std::vector<const ResolvedImage*> wanted;
  wanted.reserve(resolved.size());
  for (const auto& [place, image] : resolved) wanted.push_back(&image);
  const inspect::InventoryCache inventories(config.state_dir / "scan");
  const UnpackedSizes sizes = inspect::make_unpacked_sizes(inventories);
  auto forecast = prepull::forecast(wanted, {ports.store, sizes}, set_options(config, host), stop);
  for (std::size_t i = 0; i < resolved.size(); ++i) {
    PlannedImage& planned = report.images[resolved[i].first];
    planned.forecast = std::move(forecast.images[i]);
    const prepull::Forecast& of = planned.forecast;
    if (of.problem) planned.findings.push_back(problem_finding(*of.problem));
    if (of.fetch + of.shared == 0) planned.deferred_until.reset();
  }
  report.fetch = forecast.fetch;
  report.places = std::move(forecast.places);
  report.verdict = verdict_of(report.findings);
  for (const PlannedImage& image : report.images) {
    if (image.required) report.verdict = std::max(report.verdict, verdict_of(image.findings));
  }
  return report;
}

}  // namespace nodeproof
