#include "agent/image_cycle.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "agent/boot_state.hpp"
#include "agent/codes.hpp"
#include "agent/image_golden.hpp"
#include "agent/image_report.hpp"
#include "agent/inspect/inspect.hpp"
#include "agent/inspect/observer.hpp"
#include "agent/inspect/unpacked_size.hpp"
#include "agent/prepull/pins.hpp"
#include "agent/prepull/prepull.hpp"
#include "agent/prepull/publish.hpp"
#include "agent/prepull/pull_secrets.hpp"
#include "agent/pull_options.hpp"
#include "agent/report/findings.hpp"
#include "agent/report/verdict.hpp"
#include "agent/smoke/allowed.hpp"
#include "agent/smoke/memory.hpp"
#include "agent/smoke/smoke.hpp"
#include "agent/smoke_json.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"
#include "common/memory.hpp"
#include "common/version.hpp"

namespace nodeproof {
namespace {

// An edited configuration may be a mistake, and a node may be offline when it is noticed.
constexpr std::chrono::hours kPinGrace{24};

// Raised when the tests of an unchanged image may come out differently: what the supervisor asks,
// allows or makes of an answer.
constexpr std::string_view kSmokeVersion = "smoke 3";

// What a proof depends on besides the image is the host and the tests: when any of it changes, the
// proof is an old one. Neither the boot nor nodeproof itself are part of it, see is_seen().
std::string host_key(const HostFacts& host) {
  std::string text;
  const auto add = [&text](std::string_view part) { text.append(part).push_back('\0'); };
  const auto add_all = [&](const std::vector<std::string>& parts) {
    add(std::to_string(parts.size()));
    for (const std::string& part : parts) add(part);
  };
  add(kSmokeVersion);
  add(host.runc);
  add(to_string(host.platform));
  add(std::to_string(host.page_size));
  add(host.kernel_release);
  add(std::to_string(host.kernel_bits) + ' ' + std::to_string(host.userland_bits));
  add(host.isa_level);
  add(std::to_string(host.va_bits) + (host.aarch32 ? *host.aarch32 ? " 32" : " no 32" : ""));
  add(host.l4t);
  add_all(host.hwcaps);
  for (const BinfmtHandler& handler : host.binfmt) {
    if (handler.enabled)
      add(handler.name + ' ' + handler.interpreter + ' ' + handler.flags + ' ' +
          std::to_string(handler.elf_machine));
  }
  if (host.containerd) {  // what it would take of an index depends on the interface, too
    add(host.containerd->version + ' ' + host.containerd->snapshotter);
    add(host.containerd->namespace_ + (host.containerd->cri ? " cri" : ""));
  }
  return std::string(hash_of(as_bytes(text)).hex());
}

std::string tests_key(const RequiredImage& image, const std::string& sources,
                      const std::filesystem::path& host_root) {
  std::string text = std::to_string(static_cast<int>(image.emulation)) + '\0';
  const auto add = [&text](std::string_view part) { text.append(part).push_back('\0'); };
  json::Writer tried;
  tried.begin_array();
  for (const SmokeTest& test : image.smoke) write_smoke_test(tried, test);
  write_sandbox(tried, image.sandbox);
  add(tried.end_array().str());
  add(sources);
  add(smoke::given_key(image.sandbox, host_root));
  add(golden_key(image.golden));
  return std::string(hash_of(as_bytes(text)).hex());
}

ImageReport described(const RequiredImage& image, const ResolvedImage& resolved) {
  ImageReport report = blank_report(image);
  report.platform = to_string(resolved.config.platform);
  report.index_digest = resolved.index ? resolved.index->digest.str() : "";
  report.manifest_digest = resolved.manifest.digest.str();
  const auto chain = chain_ids(resolved.config.diff_ids);
  if (!chain.empty()) report.rootfs = chain.back().str();
  report.choice = resolved.choice;
  report.findings = resolved.findings;
  return report;
}

PullStats all_reused(const Manifest& manifest) {
  PullStats stats;
  stats.layers = stats.reused_layers = static_cast<unsigned>(manifest.layers.size());
  for (const Descriptor& layer : manifest.layers) stats.bytes += layer.size;
  return stats;
}

std::vector<smoke::FileExpectation> to_compare(std::vector<inspect::NeededFile> files) {
  std::vector<smoke::FileExpectation> expected;
  expected.reserve(files.size());
  for (inspect::NeededFile& file : files) {
    expected.push_back({std::move(file.path), file.size, std::move(file.hash)});
  }
  return expected;
}

// What the tests' sources know without a container, and where each result's test comes from.
void add_sources(smoke::ImageTests known, SmokeReport& report) {
  for (SmokeResult& result : report.results) {
    const auto test = std::ranges::find(known.tests, result.name, &SmokeTest::name);
    if (test != known.tests.end()) result.source = test->source;
  }
  std::ranges::move(known.results, std::back_inserter(report.results));
  append(report.findings, std::move(known.findings));
}

// Its program need not be in the image: the sandbox brings it by a mount or by its runtime, or a
// command before it makes it.
bool runs_what_is_brought(const SmokeTest& test, const Sandbox& sandbox) {
  if (test.args.empty()) return false;
  return !sandbox.runtime.empty() || !test.before.empty() ||
         std::ranges::any_of(sandbox.mounts, [&](const SandboxMount& mount) {
           return test.args[0] == mount.target || test.args[0].starts_with(mount.target + '/');
         });
}

Finding nothing_executed(const RequiredImage& image) {
  return {.code = std::string(code::kNotExecuted),
          .severity = Severity::unknown,
          .subject = image.reference,
          .layer = {},
          .message = "require_smoke is set, and nothing of the image was executed",
          .evidence = {},
          .remedy = "declare a smoke test for it"};
}

}  // namespace

ImageCycle::ImageCycle(const CycleConfig& config, const HostFacts& host, Ports& ports)
    : config_(config),
      host_(host),
      ports_(ports),
      inventories_(config.state_dir / "scan"),
      ledger_(config.state_dir / "ledger"),
      polls_(config.run_dir / "polls.json", fleet_name(config, host), config.settings.resolve_every,
             ports.clock),
      turn_(config, fleet_name(config, host), polls_, ports.clock),
      began_in_order_(BootState(config.state_dir).began_in_order(host.boot_id)),
      leniency_(leniency_of(config.settings)),
      observers_(inspect::make_observer_factory(inventories_)),
      round_({ports.registry, ports.store, observers_, ports.progress,
              inspect::make_unpacked_sizes(inventories_), ports.near, ports.unpack},
             set_options(config, host)) {}

std::vector<ImageReport> ImageCycle::run(const std::vector<const RequiredImage*>& images,
                                         const std::stop_token& stop) {
  auto looks = look(images, stop);
  std::vector<ImageReport> reports(images.size());
  const auto story = [&](std::size_t i) {
    reports[i] = run_one(*images[i], std::move(looks[i]), stop);
  };
  round_.tell(images.size(), story, stop);
  return reports;
}

ImageReport ImageCycle::run_one(const RequiredImage& image, Look look, std::stop_token stop) {
  ImageReport report = blank_report(image);
  const auto reference = Reference::parse(image.reference);
  if (reference) {
    report = judge({image, *reference, std::move(look), std::move(stop)});
    if (config_.ad_hoc) give_back(*reference, report);
    note_stale(*reference, report);
  } else {
    report.findings.push_back(
        report::finding_from_error(reference.error(), report::Stage::resolve));
  }
  weigh(report);
  if (report.verdict == Verdict::unknown &&
      report::image_verdict(report, false) == Verdict::ready) {
    report.findings.push_back(nothing_executed(image));
  }
  if (reference) note_bypass(*reference, report);
  ports_.progress({image.reference, Phase::done, 0, 0});
  return report;
}

void ImageCycle::release_unclaimed() {
  const auto leases = ports_.store.leases(std::string(prepull::kCandidateLabel));
  if (!leases) return;  // each ends by itself, too
  std::vector<std::string> claimed;
  for (const RequiredImage& image : config_.settings.images) {
    const auto reference = Reference::parse(image.reference);
    if (!reference) continue;
    for (const Proof proof : {Proof::to_be_recorded, Proof::of_a_successor}) {
      claimed.push_back(lease_of(*reference, proof));
    }
  }
  for (const Lease& lease : *leases) {
    if (std::ranges::find(claimed, lease.id) != claimed.end()) continue;
    static_cast<void>(ports_.store.delete_lease(lease.id, Release::lazily));
  }
}

Result<> ImageCycle::keep_pins(const std::vector<const RequiredImage*>& images) {
  if (!host_.containerd || host_.containerd->namespace_ != prepull::kCriNamespace) return {};
  std::vector<prepull::RequiredPin> required;
  for (const RequiredImage* image : images) {
    const auto reference = Reference::parse(image->reference);
    if (!reference) continue;
    auto& pin = required.emplace_back(prepull::RequiredPin{*reference, {}});
    if (const auto proven = ledger_.find(reference->name())) {
      pin.proven = {proven->manifest.digest, top_of(*proven).digest};
    }
  }
  return prepull::keep_pins(ports_.store, required, {ports_.clock.now(), kPinGrace});
}

// One for the image that is required, one for its possible successor, one for what was only asked
// about.
std::string ImageCycle::lease_of(const Reference& reference, Proof proof) const {
  const std::string lease = prepull::lease_id_for(reference);
  if (config_.ad_hoc) return lease + "-adhoc";
  return proof == Proof::to_be_recorded ? lease : lease + "-next";
}

// What was named ad hoc and got no records is nobody's to keep. Where publish wrote them the lease
// is gone already.
void ImageCycle::give_back(const Reference& reference, ImageReport& report) {
  auto released = prepull::release(ports_.store, lease_of(reference));
  if (released) return;
  Finding kept = report::finding_from_error(released.error(), report::Stage::pull);
  kept.severity = Severity::warn;  // the lease ends by itself
  report.findings.push_back(std::move(kept));
}

ImageReport ImageCycle::prove(const Job& job, const ResolvedImage& resolved, Proof proof) {
  ImageReport report = described(job.image, resolved);
  const Result<bool> holds = proof_holds(job, resolved);
  if (holds && *holds && !is_seen(*job.proven())) {
    auto seen = look_again(job, resolved, report);
    if (!seen) return report;
    Job again = job;
    again.look.proven = *std::move(seen);
    return prove(again, resolved, proof);
  }
  if (!holds || *holds) {
    if (job.proven()->found) {
      report.findings = *job.proven()->found;
    } else {
      inspect_bytes(job, resolved, report);
    }
    report.pull = all_reused(resolved.document);
    const SmokeReport smoke = holds ? smoke_of_proof(job, resolved, proof) : job.proven()->smoke;
    report.smoke = smoke.results;
    append(report.findings, smoke.findings);
    if (!holds) {  // a proof is not lost because containerd could not be asked about it
      Finding trouble = report::finding_from_error(holds.error(), report::Stage::pull);
      if (holds.error().code != Errc::cancelled) trouble.severity = Severity::warn;
      report.findings.push_back(std::move(trouble));
      report.freshness = Freshness::stale;
    }
    if (holds && proof == Proof::of_a_successor) note_failure(adopt(job, resolved), report);
    weigh(report);
    return report;
  }
  const std::string lease = lease_of(resolved.reference, proof);
  const auto smoke = make_proof(job, resolved, lease, report);
  weigh(report);
  const bool named = proof != Proof::for_information && (!config_.ad_hoc || config_.keep);
  Result<> ended;
  if (report.verdict == Verdict::not_ready) ended = doubt(job, resolved);
  if (smoke && report.verdict == Verdict::ready && named) {
    resolve::ProvenImage record = record_of(job, resolved, *smoke, report.findings);
    record.credentials = fetched_with(job, resolved, report.pull);
    ended = conclude(resolved, lease, record);
  }
  note_failure(ended, report);
  weigh(report);
  return report;
}

void ImageCycle::weigh(ImageReport& report) const {
  report::ease(report.findings, report.reference, leniency_, ports_.clock.now());
  report.verdict = report::image_verdict(report, config_.settings.require_smoke);
}

void ImageCycle::note_failure(const Result<>& done, ImageReport& report) {
  if (done) return;
  report.findings.push_back(report::finding_from_error(done.error(), report::Stage::pull));
}

// A new index around the manifest that is proven already: only the names are to follow.
Result<> ImageCycle::adopt(const Job& job, const ResolvedImage& resolved) {
  if (config_.ad_hoc && !config_.keep) return {};
  const std::string lease = lease_of(resolved.reference, Proof::of_a_successor);
  TRY(pull(job, resolved, lease));
  resolve::ProvenImage record = *job.proven();
  record.index = resolved.index;
  record.offered = resolved.available;
  record.choice = resolved.choice;
  record.word = {};
  return conclude(resolved, lease, record);
}

// `findings`: the start's come last.
resolve::ProvenImage ImageCycle::record_of(const Job& job, const ResolvedImage& resolved,
                                           const SmokeReport& smoke,
                                           std::vector<Finding> findings) const {
  findings.resize(findings.size() - smoke.findings.size());
  resolve::ProvenImage record{.name = resolved.reference.name(),
                              .index = resolved.index,
                              .manifest = resolved.manifest,
                              .proof_key = key_of(job.image),
                              .time = to_rfc3339(ports_.clock.now()),
                              .smoke = smoke,
                              .offered = resolved.available,
                              .choice = resolved.choice,
                              .found = std::move(findings),
                              .word = {},
                              .shape = {}};
  const PullStats size = all_reused(resolved.document);
  record.boot = host_.boot_id;
  record.agent = agent_id();
  record.shape =
      resolve::ProvenShape{to_string(resolved.config.platform),
                           chain_ids(resolved.config.diff_ids).back(), size.bytes, size.layers};
  if (job.proven() && top_of(*job.proven()).digest == top_of(resolved).digest) {
    record.word = job.proven()->word;
    // To prove it anew is no word of the registry.
    const bool counts = config_.settings.stale_after.count() > 0;
    const std::string& old = job.proven()->confirmed;
    record.confirmed = counts && old.empty() ? job.proven()->time : old;
  }
  return record;
}

// What bears a name already and cost us nothing a kubelet has fetched, and keeps a record of.
std::string ImageCycle::fetched_with(const Job& job, const ResolvedImage& resolved,
                                     const PullStats& pull) const {
  if (pull.downloaded_bytes == 0) {
    const bool known = job.proven() && job.proven()->manifest.digest == resolved.manifest.digest;
    if (known) return job.proven()->credentials;
    const auto record = ports_.store.image(resolved.reference.name());
    const Digest* const named = record && *record ? &(*record)->target.digest : nullptr;
    if (named && (*named == resolved.manifest.digest || *named == top_of(resolved).digest)) {
      return "";
    }
  }
  return ports_.registry.personal_credentials(resolved.reference);
}

void ImageCycle::note_bypass(const Reference& reference, ImageReport& report) const {
  const bool cri = host_.containerd && host_.containerd->namespace_ == prepull::kCriNamespace;
  if (!cri || !host_.kubelet || report.verdict != Verdict::ready) return;
  const auto proven = ledger_.find(reference.name());
  if (!proven || proven->manifest.digest.str() != report.manifest_digest) return;
  auto bypassed = prepull::bypassed_pull_secret(reference, proven->credentials, *host_.kubelet);
  if (bypassed) report.findings.push_back(*std::move(bypassed));
}

// An image that was proven and now fails has no proof that a later cycle could recall; its digest
// stays in the ledger.
Result<> ImageCycle::doubt(const Job& job, const ResolvedImage& resolved) {
  if (!job.proven() || job.proven()->manifest.digest != resolved.manifest.digest) return {};
  resolve::ProvenImage doubted = *job.proven();
  doubted.proof_key.clear();
  return ledger_.record(doubted);
}

std::string ImageCycle::key_of(const RequiredImage& image) const {
  return host_key(host_) + ' ' +
         tests_key(image, smoke::sources_key(image, test_files_), config_.host_root);
}

smoke::ImageTests ImageCycle::tests_of(const Job& job, const ResolvedImage& resolved) const {
  return smoke::tests_of(job.image, resolved.config, test_files_);
}

// Image, host and tests are what they were, and what was proven is still there. An error: all but
// the last is so, and containerd does not say.
Result<bool> ImageCycle::proof_holds(const Job& job, const ResolvedImage& resolved) {
  if (config_.again || !job.proven() || job.proven()->manifest.digest != resolved.manifest.digest ||
      job.proven()->proof_key != key_of(job.image)) {
    return false;
  }
  for (const Descriptor& layer : resolved.document.layers) {
    if (!inventories_.contains(layer.digest)) return false;
  }
  return is_here(*job.proven(), chain_ids(resolved.config.diff_ids).back(), ports_.store);
}

// Fetches, inspects and starts; what goes wrong is in the report. No SmokeReport: the image was not
// started.
Result<SmokeReport> ImageCycle::make_proof(const Job& job, const ResolvedImage& resolved,
                                           const std::string& lease, ImageReport& report) {
  auto pulled = pull(job, resolved, lease);
  if (!pulled) {
    report.findings.push_back(report::finding_from_error(pulled.error(), report::Stage::pull));
    return std::unexpected(std::move(pulled).error());
  }
  report.pull = pulled->stats;
  inspect::InspectResult inspected = inspect_bytes(job, resolved, report);
  weigh(report);
  if (has_fail(report.findings)) {  // a start would only repeat what the bytes have told
    report.smoke = skipped(tests_of(job, resolved).tests);
    return fail(Errc::corrupt, "the inspection failed");
  }
  if (auto why = deferral(job)) return defer(job, resolved, *std::move(why), report);
  auto smoke = start_whole(job, resolved, *pulled, std::move(inspected));
  if (!smoke) {
    report.findings.push_back(report::finding_from_error(smoke.error(), report::Stage::smoke));
    return smoke;
  }
  smoke::ImageTests known = tests_of(job, resolved);
  const std::vector<SmokeTest> tests = known.tests;
  add_sources(std::move(known), *smoke);
  compare_with_golden(beside_golden(job, resolved, tests), *smoke, job.stop);
  report.smoke = smoke->results;
  append(report.findings, smoke->findings);
  return smoke;
}

Result<PulledImage> ImageCycle::pull(const Job& job, const ResolvedImage& resolved,
                                     const std::string& lease) {
  const bool may_wait = config_.ad_hoc || job.proven_stands || !job.image.required;
  const auto until = may_wait ? turn_.deferred_until(job.reference) : std::nullopt;
  auto pulled =
      round_.pull({resolved, job.image.reference, lease, may_wait,
                   until ? std::optional(turn_.error_of(job.reference, *until)) : std::nullopt});
  if (pulled || !may_wait) polls_.unwant(job.reference);
  if (pulled || pulled.error().code != Errc::deferred) return pulled;
  polls_.want(job.reference);
  return std::unexpected(turn_.error_of(job.reference, *until));
}

inspect::InspectResult ImageCycle::inspect_bytes(const Job& job, const ResolvedImage& resolved,
                                                 ImageReport& report) {
  ports_.progress({job.image.reference, Phase::inspect, 0, 0});
  const auto inventories = inspect::load_inventories(inventories_, resolved.document);
  std::vector<SmokeTest> tests = tests_of(job, resolved).tests;
  const Sandbox& sandbox = job.image.sandbox;
  std::erase_if(tests, [&](const SmokeTest& test) { return runs_what_is_brought(test, sandbox); });
  inspect::InspectResult inspected =
      inspect::inspect({resolved, inventories, host_, job.image.emulation, tests});
  append(report.findings, std::move(inspected.findings));
  return inspected;
}

Result<SmokeReport> ImageCycle::start(const Job& job, const ResolvedImage& resolved,
                                      const PulledImage& pulled, inspect::InspectResult inspected) {
  ports_.progress({job.image.reference, Phase::smoke, 0, 0});
  const std::vector<SmokeTest> tests = tests_of(job, resolved).tests;
  smoke::ContainerLimits limits;
  limits.memory_bytes = job.image.sandbox.memory;
  Sandbox sandbox = job.image.sandbox;
  sandbox.memory = smoke::fitting(limits, smoke::read_memory(config_.host_root)).memory_bytes;
  return smoke::smoke({.image = job.image.reference,
                       .config = resolved.config,
                       .rootfs = pulled.chain.back(),
                       .tests = tests,
                       .files = to_compare(std::move(inspected.files)),
                       .program = inspected.program,
                       .interpreter = inspected.loader,
                       .host = host_,
                       .emulation = job.image.emulation,
                       .binary = config_.binary,
                       .work_dir = config_.run_dir / "smoke",
                       .lease = pulled.lease,
                       .limits = {},
                       .owners = std::move(inspected.volumes),
                       .sandbox = std::move(sandbox)},
                      ports_.runtime, job.stop);
}

// Only what is proven gets a name. What is not stays under its lease, so that the next cycle need
// not fetch it again.
Result<> ImageCycle::conclude(const ResolvedImage& resolved, const std::string& lease,
                              const resolve::ProvenImage& proven) {
  const std::string name_space = host_.containerd ? host_.containerd->namespace_ : "";
  TRY(prepull::publish(resolved, ports_.store,
                       {.namespace_ = name_space,
                        .lease_id = lease,
                        .host = host_.platform,
                        .pin = name_space == prepull::kCriNamespace && !config_.ad_hoc}));
  TRY(ledger_.keep_documents(resolved));
  return ledger_.record(proven);
}

}  // namespace nodeproof
