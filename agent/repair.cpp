#include "agent/repair.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "agent/codes.hpp"
#include "agent/image_cycle.hpp"
#include "agent/image_report.hpp"
#include "agent/inspect/observer.hpp"
#include "agent/pull_options.hpp"
#include "agent/repair_blobs.hpp"
#include "agent/repair_image.hpp"
#include "agent/report/findings.hpp"
#include "agent/resolve/ledger.hpp"
#include "agent/scrub_state.hpp"

namespace nodeproof {
namespace {

// One repair, from what is damaged to what is proven.
class Repair {
 public:
  // NOLINTNEXTLINE(readability-function-size): what a repair works with
  Repair(const CycleConfig& config, const HostFacts& host, Ports& ports, ChainStore& chains,
         ResolvedImage image)
      : config_(config),
        host_(host),
        ports_(ports),
        chains_(chains),
        image_(std::move(image)),
        required_(config.settings.images.front()),
        options_(set_options(config, host)),
        inventories_(config.state_dir / "scan"),
        observers_(inspect::make_observer_factory(inventories_)),
        pull_ports_{ports.registry, ports.store, observers_, ports.progress, {},
                    ports.near,     ports.unpack},
        lease_(lease_of(image_)),
        chain_(chain_ids(image_.config.diff_ids)) {
    report_.reference = required_.reference;
    report_.platform = to_string(image_.config.platform);
    report_.manifest_digest = image_.manifest.digest.str();
  }

  Result<RepairReport> run(bool dry_run, const std::stop_token& stop) {
    report_.dry_run = dry_run;
    TRY(look_for_interrupted());
    TRY(find_blobs(stop));
    if (!dry_run && !to_fetch_.empty() && !TRY(mend_blobs(stop))) return std::move(report_);
    TRY(find_layers(stop));
    if (damaged_from_) TRY(find_users(stop));
    if (damaged_from_ || interrupted_) TRY(find_others(stop));
    if (has_unknown()) return ended(RepairOutcome::unknown);
    const bool nothing = to_fetch_.empty() && !damaged_from_ && report_.others.empty();
    if (nothing && !interrupted_) return ended(RepairOutcome::whole);
    if (dry_run) return ended(nothing ? RepairOutcome::whole : RepairOutcome::damaged);
    if (damaged_from_) TRY(doubt());
    if (!report_.users.empty()) return refuse();
    return TRY(mend_layers(stop)) ? prove(stop) : std::move(report_);
  }

 private:
  RepairReport ended(RepairOutcome outcome) {
    report_.outcome = outcome;
    return std::move(report_);
  }

  [[nodiscard]] bool has_unknown() const {
    return std::ranges::any_of(report_.findings,
                               [](const Finding& f) { return f.severity == Severity::unknown; });
  }

  [[nodiscard]] BlobMender mender(const ResolvedImage& image) const {
    return {image, pull_ports_, chains_, options_.snapshotter, lease_};
  }

  static std::string lease_of(const ResolvedImage& image) {
    return prepull::lease_id_for(image.reference) + "-repair";
  }

  Result<> look_for_interrupted() {
    const auto leases = TRY(ports_.store.leases(std::string(kRepairLabel)));
    interrupted_ = std::ranges::find(leases, lease_, &Lease::id) != leases.end();
    return {};
  }

  // Layers that were unpacked may be absent for good (containerd's discard_unpacked_layers), but
  // for those that an interrupted repair has removed.
  Result<> find_blobs(const std::stop_token& stop) {
    blobs_ = TRY(mender(image_).examine(stop));
    const bool unpacked = TRY(ports_.store.has_snapshot(chain_.back(), ""));
    for (const StoredBlob& one : blobs_) {
      const bool optional = one.layer >= 0 && unpacked && !interrupted_;
      if (one.state == StoredState::whole) continue;
      if (one.state == StoredState::absent && optional) continue;
      if (one.state == StoredState::damaged) {
        report_.findings.push_back(blob_finding(one, required_.reference));
      }
      report_.blobs.push_back(one.blob.digest.str());
      to_fetch_.push_back(one);
    }
    return {};
  }

  Result<> take_lease() {
    return ports_.store.create_lease(
        {lease_, {{std::string(kRepairLabel), image_.reference.name()}}}, options_.lease_lifetime);
  }

  // The image stays as it is until all that it needs is at hand.
  bool not_mended(const Error& error) {
    Finding finding = report::finding_from_error(error, report::Stage::pull);
    report_.findings.push_back(std::move(finding));
    report_.outcome = RepairOutcome::not_mended;
    return false;
  }

  Result<bool> mend_blobs(const std::stop_token& stop) {
    TRY(take_lease());
    TRY(mender(image_).hold(blobs_));
    static_cast<void>(TRY(ports_.store.has_snapshot(chain_.back(), lease_)));
    auto mended = mender(image_).mend(to_fetch_, stop);
    if (mended) mended = forget_damage(config_.state_dir, report_.blobs);
    return mended || not_mended(mended.error());
  }

  // The first one that is not there, or that brought a file that is damaged.
  Result<> find_layers(const std::stop_token& stop) {
    std::size_t there = 0;
    while (there < chain_.size() && TRY(ports_.store.has_snapshot(chain_[there], ""))) ++there;
    if (there < chain_.size()) {
      damaged_from_ = there;
    } else {
      TRY(compare(stop));
    }
    for (std::size_t i = damaged_from_.value_or(chain_.size()); i < chain_.size(); ++i) {
      report_.layers.push_back(chain_[i].str());
    }
    return {};
  }

  Result<> compare(const std::stop_token& stop) {
    ImageCycle cycle(config_, host_, ports_);
    auto compared = cycle.compare(required_, image_, stop);
    if (!compared && compared.error().code == Errc::cancelled) {
      return std::unexpected(std::move(compared).error());
    }
    if (!compared) {
      report_.findings.push_back(
          report::finding_from_error(compared.error(), report::Stage::inspect));
      return {};
    }
    report_.files_compared = compared->compared;
    report_.files_wrong = compared->wrong;
    append(report_.findings, std::move(compared->findings));
    if (compared->lowest) {
      damaged_from_ = std::min<std::size_t>(*compared->lowest, chain_.size() - 1);
    }
    return {};
  }

  // Who builds on the layers that have to go.
  Result<> find_users(const std::stop_token& stop) {
    ChainUse use = use_of(chain_[*damaged_from_].str(), TRY(chains_.snapshots(stop)),
                          TRY(chains_.containers(stop)));
    report_.users = std::move(use.users);
    to_remove_ = std::move(use.layers);
    return {};
  }

  // What an interrupted repair has mended already is let go of.
  Result<bool> loses_layers(const ResolvedImage& other, const std::set<std::string>& gone) {
    const auto chain = chain_ids(other.config.diff_ids);
    const auto is_gone = [&](const Digest& id) { return gone.contains(id.str()); };
    if (std::ranges::any_of(chain, is_gone)) return true;
    if (!TRY(ports_.store.has_snapshot(chain.back(), ""))) return true;
    if (!report_.dry_run) TRY(prepull::release(ports_.store, lease_of(other)));
    return false;
  }

  // The images that lose layers with this one, or lost them when a repair was interrupted.
  Result<> find_others(const std::stop_token& stop) {
    std::set<std::string> gone(report_.layers.begin(), report_.layers.end());
    gone.insert(to_remove_.begin(), to_remove_.end());
    std::set<std::string> wanted = gone;
    if (interrupted_) wanted.insert(chain_.front().str());
    auto sharing = TRY(images_sharing(wanted, image_, host_, {ports_.store, chains_}, stop));
    for (ResolvedImage& other : sharing) {
      if (!TRY(loses_layers(other, gone))) continue;
      report_.others.push_back(other.reference.name());
      others_.push_back(std::move(other));
    }
    for (const ResolvedImage& other : others_) {
      for (const Digest& id : chain_ids(other.config.diff_ids)) gone.erase(id.str());
    }
    for (const Digest& id : chain_) gone.erase(id.str());
    for (const std::string& unclaimed : gone) {  // nobody could unpack it again
      report_.users.push_back({"", "", "", "", "", "", unclaimed});
    }
    return {};
  }

  RepairReport refuse() {
    std::string who;
    for (const ChainUser& user : report_.users) who += (who.empty() ? "" : "; ") + text_of(user);
    report_.findings.push_back(
        {.code = std::string(code::kInUseAndFailing),
         .severity = Severity::fail,
         .subject = required_.reference,
         .layer = {},
         .message = "its damaged layers are in use and are left alone: " + who,
         .evidence = {},
         .remedy = "stop and remove what uses it (kubectl drain, crictl stopp and rmp), then run "
                   "nodeproof repair " +
                   required_.reference + " again"});
    return ended(RepairOutcome::in_use);
  }

  // Whatever happens from here on, the next check proves it anew.
  Result<> doubt() {
    const resolve::Ledger ledger(config_.state_dir / "ledger");
    auto record = ledger.find(image_.reference.name());
    if (!record || record->manifest.digest != image_.manifest.digest) return {};
    record->proof_key.clear();
    return ledger.record(*record);
  }

  // Every blob that is unpacked again is here and whole before the first layer goes.
  Result<bool> gather(const std::stop_token& stop) {
    if (!TRY(gather_of(image_, blobs_, stop))) return false;
    for (const ResolvedImage& other : others_) {
      auto found = TRY(mender(other).examine(stop));
      if (!TRY(gather_of(other, std::move(found), stop))) return false;
    }
    return true;
  }

  Result<bool> gather_of(const ResolvedImage& image, std::vector<StoredBlob> blobs,
                         const std::stop_token& stop) {
    TRY(mender(image).hold(blobs));
    std::erase_if(blobs, [&](const StoredBlob& one) {
      return one.state == StoredState::whole || is_mended(one.blob.digest);
    });
    auto mended = mender(image).mend(blobs, stop);
    return mended || not_mended(mended.error());
  }

  [[nodiscard]] bool is_mended(const Digest& digest) const {
    return std::ranges::any_of(to_fetch_,
                               [&](const StoredBlob& one) { return one.blob.digest == digest; });
  }

  Result<bool> mend_layers(const std::stop_token& stop) {
    TRY(take_lease());
    if (!TRY(gather(stop))) return false;
    if (damaged_from_ && *damaged_from_ > 0) {
      static_cast<void>(TRY(ports_.store.has_snapshot(chain_[*damaged_from_ - 1], lease_)));
    }
    if (auto gone = remove_layers(stop); !gone) return not_mended(gone.error());
    for (const ResolvedImage& other : others_) {
      if (auto done = unpack_again(other, stop); !done) return not_mended(done.error());
    }
    return true;
  }

  // containerd counts as a child what its garbage collector has taken away since, and then refuses
  // the removal for ever: such a layer goes as that child went, when nothing refers to it.
  Result<> remove_layers(const std::stop_token& stop) {
    std::vector<std::string> refused;
    for (const std::string& name : to_remove_) {
      auto removed = chains_.remove_snapshot(name);
      if (!removed && removed.error().code != Errc::busy) return removed;
      if (!removed) refused.push_back(name);
    }
    if (to_remove_.empty()) return {};
    if (!refused.empty()) {
      TRY(let_go_of(image_));
      for (const ResolvedImage& other : others_) TRY(let_go_of(other));
    }
    TRY(chains_.collect_garbage());
    if (refused.empty()) return {};
    for (const SnapshotFacts& one : TRY(chains_.snapshots(stop))) {
      if (std::ranges::find(refused, one.name) == refused.end()) continue;
      return fail(Errc::busy, "containerd does not remove the damaged snapshot " + one.name,
                  "look who has come to use it meanwhile (ctr snapshots tree), and run it again");
    }
    return {};
  }

  // Of its unpacked layers; unpacking writes the label again.
  Result<> let_go_of(const ResolvedImage& image) {
    const std::string key = "containerd.io/gc.ref.snapshot." + options_.snapshotter;
    TRY(ports_.store.label_blob(image.document.config.digest, {{key, ""}}));
    const std::string lease = prepull::lease_id_for(image.reference);
    for (const char* of : {"", "-next", "-adhoc"}) {
      TRY(ports_.store.delete_lease(lease + of, Release::lazily));
    }
    return {};
  }

  Result<> unpack_again(const ResolvedImage& other, const std::stop_token& stop) {
    prepull::PullOptions options;
    static_cast<prepull::SetOptions&>(options) = options_;
    options.lease_id = lease_of(other);
    TRY(prepull::prepull(other, pull_ports_, options, stop));
    return prepull::release(ports_.store, options.lease_id);
  }

  Result<RepairReport> prove(const std::stop_token& stop) {
    CycleConfig config = config_;
    config.again = config.compare_all = true;
    ImageCycle cycle(config, host_, ports_);
    report_.proof = cycle.prove_anew(required_, image_, stop);
    const auto damaged = [](const Finding& f) {
      return f.code == code::kFileCorrupt || f.code == code::kContentCorrupt;
    };
    const ImageReport& proof = *report_.proof;
    if (std::ranges::any_of(proof.findings, damaged)) return ended(RepairOutcome::not_mended);
    // Not unpacked, or stopped on the way: the lease stays, for the next repair to go on.
    if (proof.verdict == Verdict::unknown &&
        !ports_.store.has_snapshot(chain_.back(), "").value_or(false)) {
      return ended(RepairOutcome::not_mended);
    }
    if (stop.stop_requested()) return fail(Errc::cancelled, "the repair was stopped");
    TRY(prepull::release(ports_.store, lease_));
    TRY(chains_.collect_garbage());
    return ended(RepairOutcome::repaired);
  }

  const CycleConfig& config_;
  const HostFacts& host_;
  Ports& ports_;
  ChainStore& chains_;
  const ResolvedImage image_;
  const RequiredImage& required_;
  const prepull::SetOptions options_;
  inspect::InventoryCache inventories_;
  LayerObserverFactory observers_;
  prepull::PullPorts pull_ports_;
  const std::string lease_;
  const std::vector<Digest> chain_;
  RepairReport report_;
  bool interrupted_ = false;
  std::vector<StoredBlob> blobs_, to_fetch_;
  std::optional<std::size_t> damaged_from_;  // layer; all above it goes with it
  std::vector<std::string> to_remove_;       // snapshots, children first
  std::vector<ResolvedImage> others_;
};

}  // namespace

// NOLINTNEXTLINE(readability-function-size): what a repair works with
Result<RepairReport> repair(const CycleConfig& config, Ports& ports, ChainStore& chains,
                            bool dry_run, const std::stop_token& stop) {
  const std::string& name = config.settings.images.front().reference;
  const Reference reference = TRY(Reference::parse(name));
  HostFacts host = read_facts(config, ports, stop);  // a check's, so that its proof is a check's
  if (!host.containerd) host.containerd = TRY(ports.runtime.facts(stop));
  static_cast<void>(TRY(ports.runtime.sweep(stop)));
  ResolvedImage image = TRY(image_here(config, host, ports, reference, stop));
  RepairReport report = TRY(Repair(config, host, ports, chains, image).run(dry_run, stop));
  // A layer below one that was gone could not be compared, and what is unpacked upon it can.
  const bool damaged_below = report.outcome == RepairOutcome::not_mended && report.proof &&
                             report.files_compared == 0 && !report.layers.empty();
  if (!damaged_below) return report;
  return Repair(config, host, ports, chains, std::move(image)).run(dry_run, stop);
}

}  // namespace nodeproof
