// The story of one image: which variant, fetch it, is it right, does it run - and what is known
// when a step fails.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/cycle.hpp"
#include "agent/image_golden.hpp"
#include "agent/inspect/inspect.hpp"
#include "agent/inspect/inventory_cache.hpp"
#include "agent/model.hpp"
#include "agent/polls.hpp"
#include "agent/pull_round.hpp"
#include "agent/pull_turn.hpp"
#include "agent/report/leniency.hpp"
#include "agent/resolve/ledger.hpp"
#include "agent/smoke/comparison.hpp"
#include "agent/smoke/sources.hpp"

namespace nodeproof {

class ImageCycle {
 public:
  // All three outlive it.
  ImageCycle(const CycleConfig& config, const HostFacts& host, Ports& ports);

  // What can be said of an image at a glance: where nothing has changed it is all there is to say.
  struct Look {
    std::optional<resolve::ProvenImage> proven;  // what was last proven under this name
    // Nothing that the proof depends on has changed, and record and root file system are there.
    bool holds = false;
    std::optional<Result<std::optional<Digest>>> said;  // to a HEAD, when one was due
  };
  // Of several at once, for each is a few waits.
  std::vector<Look> look(const std::vector<const RequiredImage*>& images,
                         const std::stop_token& stop);

  // Of each image, in their order; never fails, a stop leaves images unknown. What has to be
  // fetched is pulled together, and each image is judged as soon as it is complete, one at a time.
  std::vector<ImageReport> run(const std::vector<const RequiredImage*>& images,
                               const std::stop_token& stop);

  // Proves this image anew, as if it were the first time, and asks no registry which it is.
  ImageReport prove_anew(const RequiredImage& image, const ResolvedImage& resolved,
                         const std::stop_token& stop);

  // All unpacked files beside what the layers brought; changes nothing. Errc::unsupported when the
  // inventories do not tell that.
  Result<smoke::Comparison> compare(const RequiredImage& image, const ResolvedImage& resolved,
                                    const std::stop_token& stop);

  // For the next cycle: when its tags were asked for.
  Result<> save_polls() { return polls_.save(); }

  // Proven and required images stay pinned, others no longer.
  Result<> keep_pins(const std::vector<const RequiredImage*>& images);

  // Proven here for a day at least, as it is.
  [[nodiscard]] bool is_settled(const ImageReport& image) const;

  // Of what earlier runs brought: gives back what no image of the configuration needs.
  void release_unclaimed();

 private:
  struct Job {
    const RequiredImage& image;
    const Reference& reference;
    Look look;
    std::stop_token stop;
    bool proven_stands = false;  // what is to be fetched is another image than the proven one here
    [[nodiscard]] const std::optional<resolve::ProvenImage>& proven() const { return look.proven; }
  };
  enum class Proof { to_be_recorded, of_a_successor, for_information };

  ImageReport run_one(const RequiredImage& image, Look look, std::stop_token stop);
  ImageReport judge(const Job& job);
  ImageReport judge_anew(const Job& job, ResolvedImage kept);
  ImageReport judge_kept(const Job& job, const ResolvedImage& kept);
  ImageReport judge_absent(const Job& job, const Error& why);
  ImageReport judge_lost(const Job& job, const Error& why, Finding failure);
  ImageReport judge_moved(const Job& job, const ResolvedImage& latest, const ResolvedImage& proven);
  ImageReport judge_failed(const Job& job, const Error& error, const ResolvedImage& kept);
  ImageReport judge_holding(const Job& job);
  Look glance(const RequiredImage& image, const std::stop_token& stop);
  Result<std::optional<Digest>> ask(const Reference& tag, const std::stop_token& stop);
  [[nodiscard]] ImageReport told_again(const Job& job) const;
  ImageReport unasked(const Job& job, ImageReport report);
  struct LastWord {  // of the registry, about a tag
    std::chrono::system_clock::time_point time;
    bool exact = false;  // else as it was written down, which is not done each time
  };
  [[nodiscard]] std::optional<LastWord> last_word(const Reference& tag,
                                                  const resolve::ProvenImage& proven) const;
  [[nodiscard]] bool is_nearly_stale(const Reference& tag) const;
  void write_down_last_word(const Reference& tag, const resolve::ProvenImage& proven) const;
  void note_stale(const Reference& tag, ImageReport& report) const;
  ImageReport settled(const Job& job, ImageReport report, const resolve::RegistryWord& word);
  [[nodiscard]] bool is_to_be_asked(const Reference& reference, const RequiredImage& image);
  Result<ResolvedImage> kept_here(const Job& job);
  Result<ResolvedImage> latest(const Job& job);
  [[nodiscard]] bool is_readable(const ResolvedImage& image) const;
  [[nodiscard]] std::string deferral_of(const Job& job) const;
  void note_deferral(const Job& job, ImageReport& report) const;
  void restore_hint(Finding& finding, const Job& job, const std::string& variant) const;
  [[nodiscard]] std::string delivery_of(const Job& job, const ResolvedImage& kept);
  ImageReport prove(const Job& job, const ResolvedImage& resolved,
                    Proof proof = Proof::to_be_recorded);
  Result<> adopt(const Job& job, const ResolvedImage& resolved);
  static void note_failure(const Result<>& done, ImageReport& report);
  // What the operator has accepted, and what that makes of the verdict.
  void weigh(ImageReport& report) const;
  [[nodiscard]] std::string lease_of(const Reference& reference,
                                     Proof proof = Proof::to_be_recorded) const;
  Result<bool> proof_holds(const Job& job, const ResolvedImage& resolved);
  // The files were compared in this boot, and this nodeproof has judged the bytes.
  [[nodiscard]] bool is_seen(const resolve::ProvenImage& proven) const;
  std::optional<resolve::ProvenImage> look_again(const Job& job, const ResolvedImage& resolved,
                                                 ImageReport& report);
  Result<SmokeReport> compare_again(const Job& job, const ResolvedImage& resolved,
                                    inspect::InspectResult inspected);
  [[nodiscard]] GoldenQuestion beside_golden(const Job& job, const ResolvedImage& resolved,
                                             const std::vector<SmokeTest>& tests) const;
  SmokeReport smoke_of_proof(const Job& job, const ResolvedImage& resolved, Proof proof);
  [[nodiscard]] std::optional<Finding> deferral(const Job& job) const;
  Result<SmokeReport> defer(const Job& job, const ResolvedImage& resolved, Finding finding,
                            ImageReport& report);
  Result<PulledImage> pull(const Job& job, const ResolvedImage& resolved, const std::string& lease);
  inspect::InspectResult inspect_bytes(const Job& job, const ResolvedImage& resolved,
                                       ImageReport& report);
  Result<SmokeReport> start(const Job& job, const ResolvedImage& resolved,
                            const PulledImage& pulled, inspect::InspectResult inspected);
  Result<smoke::Comparison> compare_files(const Job& job, const ResolvedImage& resolved,
                                          const PulledImage& pulled);
  [[nodiscard]] bool is_to_be_compared(const PulledImage& pulled) const;
  [[nodiscard]] std::filesystem::path whole_mark(const Digest& rootfs) const;
  [[nodiscard]] bool was_whole(const Digest& rootfs) const;
  void note_whole(const Digest& rootfs) const;
  Result<SmokeReport> start_whole(const Job& job, const ResolvedImage& resolved,
                                  const PulledImage& pulled, inspect::InspectResult inspected);
  Result<SmokeReport> make_proof(const Job& job, const ResolvedImage& resolved,
                                 const std::string& lease, ImageReport& report);
  void give_back(const Reference& reference, ImageReport& report);
  [[nodiscard]] std::string fetched_with(const Job& job, const ResolvedImage& resolved,
                                         const PullStats& pull) const;
  void note_bypass(const Reference& reference, ImageReport& report) const;
  [[nodiscard]] std::string key_of(const RequiredImage& image) const;
  [[nodiscard]] smoke::ImageTests tests_of(const Job& job, const ResolvedImage& resolved) const;
  [[nodiscard]] resolve::ProvenImage record_of(const Job& job, const ResolvedImage& resolved,
                                               const SmokeReport& smoke,
                                               std::vector<Finding> findings) const;
  Result<> doubt(const Job& job, const ResolvedImage& resolved);
  Result<> conclude(const ResolvedImage& resolved, const std::string& lease,
                    const resolve::ProvenImage& proven);

  const CycleConfig& config_;
  const HostFacts& host_;
  Ports& ports_;
  inspect::InventoryCache inventories_;
  mutable smoke::TextFiles test_files_;
  resolve::Ledger ledger_;
  Polls polls_;
  PullTurn turn_;
  bool began_in_order_;  // this boot
  std::mutex silence_mutex_;
  std::map<std::string, Error> silent_;  // by Reference::domain(), in this cycle
  report::Leniency leniency_;
  LayerObserverFactory observers_;
  PullRound round_;  // after all that it uses
};

}  // namespace nodeproof
