// Several images pulled together: each distinct blob fetched once, each distinct chain unpacked
// once, and each image handed out as soon as it is complete.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "agent/prepull/head_room.hpp"
#include "agent/prepull/image_pull.hpp"
#include "agent/prepull/lanes.hpp"
#include "agent/prepull/prepull.hpp"
#include "agent/prepull/schedule.hpp"
#include "agent/prepull/tally.hpp"
#include "agent/prepull/throttle.hpp"

namespace nodeproof::prepull {

class PullSet {
 public:
  // Looks at what is there, plans, and begins. The images, what the ports name and the sink outlive
  // it; no two images have the same lease.
  PullSet(std::vector<WantedImage> images, const PullPorts& ports, const SetOptions& options,
          std::stop_token stop);
  // Stops what is not complete yet; it is gone on with by the next set.
  ~PullSet();
  PullSet(const PullSet&) = delete;
  PullSet& operator=(const PullSet&) = delete;

  // Until that image (by its place in `images`) is complete or has failed; the same answer however
  // often it is asked.
  //
  // What is there was not fetched again; what an earlier run began was gone on with. Complete
  // means: everything is on disk, held by the lease, and no name points to it yet. The lease is
  // kept on success, stop and network failure, and deleted on digest mismatch and lack of space; an
  // image's failure is told when nothing uses its lease any more. Errors name image, platform and
  // layer. One image's failure is no other's, but that of a blob they share, when none of their
  // repositories delivers it.
  Result<PulledImage> wait(std::size_t image);

 private:
  struct Turn {  // a task under way
    Task task;
    std::vector<LayerOf> users;  // when it began; the first one's lease and repository are used
    std::stop_source stop;
  };
  struct Outcome {
    Result<> task;
    std::vector<std::pair<std::size_t, Error>> others;  // users who did not get their share
  };
  struct StopAll {
    PullSet* set;
    void operator()() const { set->stop_all(); }
  };

  [[nodiscard]] HeadRoom head_room(const StoreVolumes& volumes) const;
  void leave_out_what_does_not_fit(const PullPlan& plan, const std::stop_token& stop);
  void work();
  void learn_size(std::size_t blob, const LayerOf& owner);
  [[nodiscard]] Space need_of(std::size_t image);
  Result<> check_room(std::size_t image, const std::stop_token& stop);
  Result<> check_room_for_more() const;
  Turn* next_turn();
  Outcome run(const Turn& turn);
  Outcome fetch(const Turn& turn);
  Outcome unpack(const Turn& turn);
  Outcome finish(const Turn& turn);
  Outcome give_up(const Turn& turn);
  void settle(Turn* turn, Outcome outcome);
  void settle_failure(const Turn& turn, Error error);
  [[nodiscard]] bool may_try_another(const Turn& turn, const Error& error) const;
  void fail_image(std::size_t image, Error error);
  void look_at_lanes();
  void kept_waiting(std::chrono::steady_clock::duration time);
  void stop_useless();
  void stop_all();
  [[nodiscard]] Passage passage_of(const Turn& turn);
  [[nodiscard]] const Digest& digest_of(const LayerOf& user) const;

  const PullPorts ports_;
  const SetOptions options_;
  std::vector<std::unique_ptr<ImagePull>> images_;
  std::mutex commits_;
  std::optional<Throttle> throttle_;
  std::optional<Tally> tally_;
  std::atomic<std::uint64_t> arrived_ = 0;  // bytes

  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::optional<Schedule> schedule_;
  std::vector<std::optional<UnpackedSize>> sizes_;  // by blob, where it is known
  std::optional<Lanes> lanes_;
  std::chrono::steady_clock::duration waited_{};  // of downloads, for who looks at their bytes
  std::list<Turn> turns_;
  std::vector<std::optional<Error>> errors_;                 // why an image failed
  std::vector<std::optional<Result<PulledImage>>> results_;  // none = not yet
  std::optional<std::stop_callback<StopAll>> on_stop_;
  std::vector<std::jthread> threads_;
};

}  // namespace nodeproof::prepull
