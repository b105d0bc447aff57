// Nothing is started, and nothing is said about why something does not start, before it is known
// that its bytes are on the disk as they were unpacked.
#include <algorithm>
#include <utility>

#include "agent/codes.hpp"
#include "agent/image_cycle.hpp"
#include "agent/image_report.hpp"
#include "agent/inspect/unpacked_files.hpp"
#include "agent/smoke/container.hpp"
#include "agent/smoke/file_findings.hpp"
#include "agent/smoke/file_list.hpp"
#include "common/file.hpp"

namespace nodeproof {
namespace {

bool names_a_damaged_file(const SmokeReport& report) {
  return std::ranges::any_of(report.findings,
                             [](const Finding& f) { return f.code == code::kFileCorrupt; });
}

// Why the tests say nothing.
SmokeReport not_started(const std::vector<SmokeTest>& tests, std::vector<Finding> findings) {
  SmokeReport report;
  for (const SmokeTest& test : tests) {
    SmokeResult& result = report.results.emplace_back();
    result.name = test.name;
    result.source = test.source;
    result.reason = has_fail(findings) ? smoke::kDamaged : "its files could not be compared";
  }
  report.findings = std::move(findings);
  return report;
}

Result<> list_files(const std::vector<inspect::LayerInventory>& inventories,
                    smoke::FileListWriter& writer) {
  const auto add = [&](const inspect::UnpackedFile& file) {
    return writer.add({file.path, file.size, file.hash, file.layer});
  };
  return inspect::each_unpacked_file(inventories, add);
}

// Gone with the object.
class ListFile {
 public:
  explicit ListFile(std::filesystem::path path) : path_(std::move(path)) {}
  ~ListFile() { static_cast<void>(remove_file(path_)); }
  ListFile(const ListFile&) = delete;
  ListFile& operator=(const ListFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

// What was unpacked in this boot by ourselves, and synced, no power cut has met.
bool ImageCycle::is_to_be_compared(const PulledImage& pulled) const {
  if (config_.compare_all) return true;
  return !began_in_order_ && pulled.stats.reused_layers > 0 && !was_whole(pulled.chain.back());
}

// In the run directory, which a boot empties: all files were compared since.
std::filesystem::path ImageCycle::whole_mark(const Digest& rootfs) const {
  return config_.run_dir / "whole" / std::string(rootfs.hex());
}

bool ImageCycle::was_whole(const Digest& rootfs) const {
  const auto boot = read_file(whole_mark(rootfs));
  return boot && !host_.boot_id.empty() && *boot == host_.boot_id;
}

// Should it not be written, the files are compared again.
void ImageCycle::note_whole(const Digest& rootfs) const {
  if (make_directories(config_.run_dir / "whole", 0700)) {
    static_cast<void>(write_file_atomically(whole_mark(rootfs), host_.boot_id));
  }
}

Result<smoke::Comparison> ImageCycle::compare_files(const Job& job, const ResolvedImage& resolved,
                                                    const PulledImage& pulled) {
  const std::string id = TRY(smoke::random_id("files-"));
  const ListFile list(config_.run_dir / "smoke" / id);
  auto writer = TRY(smoke::FileListWriter::create(list.path()));
  TRY(list_files(inspect::load_inventories(inventories_, resolved.document), writer));
  TRY(writer.finish());
  auto compared = smoke::compare({.image = job.image.reference,
                                  .rootfs = pulled.chain.back(),
                                  .list = list.path(),
                                  .files = writer.count(),
                                  .bytes = writer.bytes(),
                                  .host = host_,
                                  .binary = config_.binary,
                                  .work_dir = config_.run_dir / "smoke",
                                  .lease = pulled.lease},
                                 ports_.runtime, job.stop);
  if (compared && compared->findings.empty()) note_whole(pulled.chain.back());
  return compared;
}

Result<SmokeReport> ImageCycle::start_whole(const Job& job, const ResolvedImage& resolved,
                                            const PulledImage& pulled,
                                            inspect::InspectResult inspected) {
  const auto damage = [&]() -> Result<std::optional<SmokeReport>> {
    auto compared = compare_files(job, resolved, pulled);
    // What the layers bring is not wholly known, and the inspection has said so.
    if (!compared && compared.error().code == Errc::unsupported) return std::nullopt;
    if (!compared) return std::unexpected(std::move(compared).error());
    if (compared->findings.empty()) return std::nullopt;
    return not_started(tests_of(job, resolved).tests, std::move(compared->findings));
  };
  const bool all = is_to_be_compared(pulled);
  if (all) {
    if (auto found = TRY(damage())) return *std::move(found);
  }
  auto report = start(job, resolved, pulled, std::move(inspected));
  if (all || !report || !has_fail(report->findings) || names_a_damaged_file(*report)) return report;
  if (was_whole(pulled.chain.back())) return report;
  // A file that no rule knew to be needed may be why.
  auto found = TRY(damage());
  if (found && has_fail(found->findings)) report->findings = std::move(found->findings);
  return report;
}

// Once per boot: all of them after one that did not begin in order, else those that every start
// needs. Nothing of the image is executed.
Result<SmokeReport> ImageCycle::compare_again(const Job& job, const ResolvedImage& resolved,
                                              inspect::InspectResult inspected) {
  PulledImage here{"", chain_ids(resolved.config.diff_ids), {}};
  here.stats.reused_layers = static_cast<unsigned>(here.chain.size());
  if (is_to_be_compared(here)) {
    auto compared = compare_files(job, resolved, here);
    if (compared) return SmokeReport{{}, std::move(compared->findings)};
    if (compared.error().code != Errc::unsupported) return std::unexpected(compared.error());
  }
  RequiredImage bare = job.image;
  bare.smoke.clear();
  bare.healthcheck = false;
  bare.structure_tests.clear();
  inspected.program.clear();
  auto report = start({bare, job.reference, {}, job.stop}, resolved, here, std::move(inspected));
  if (report) {
    std::erase_if(report->findings, [](const Finding& f) { return f.code == code::kNotExecuted; });
  }
  return report;
}

Result<smoke::Comparison> ImageCycle::compare(const RequiredImage& image,
                                              const ResolvedImage& resolved,
                                              const std::stop_token& stop) {
  ports_.progress({image.reference, Phase::inspect, 0, 0});
  return compare_files({image, resolved.reference, {}, stop}, resolved,
                       {"", chain_ids(resolved.config.diff_ids), {}});
}

ImageReport ImageCycle::prove_anew(const RequiredImage& image, const ResolvedImage& resolved,
                                   const std::stop_token& stop) {
  ImageReport report = blank_report(image);
  Look look;
  look.proven = ledger_.find(resolved.reference.name());
  const auto story = [&](std::size_t) {
    report = prove({image, resolved.reference, std::move(look), stop}, resolved);
    if (config_.ad_hoc) give_back(resolved.reference, report);
  };
  round_.tell(1, story, stop);
  ports_.progress({image.reference, Phase::done, 0, 0});
  return report;
}

}  // namespace nodeproof
