// Which job of a plan may be done now, while jobs succeed and images fail. Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "agent/prepull/plan.hpp"

namespace nodeproof::prepull {

struct Task {
  enum class Kind {
    fetch,    // number: of a blob
    unpack,   // number: of an unpack job
    finish,   // number: of an image of which all is there
    give_up,  // number: of a failed image of which nothing is under way any more
  };
  Kind kind = Kind::fetch;
  std::size_t number = 0;
  friend bool operator==(const Task&, const Task&) = default;
};

struct Limits {  // jobs under way at a time
  unsigned fetches = 3;
  unsigned unpacks = 1;
};

class Schedule {
 public:
  Schedule(PullPlan plan, Limits limits);

  // Counts as under way until one of the three below says otherwise. None: nothing may begin now.
  std::optional<Task> next();
  void succeeded(const Task& task);
  void failed(const Task& task);
  void again(const Task& task);  // it is to be done once more

  // At most so many fetches of large blobs, within the limit of all fetches.
  void set_lanes(unsigned lanes) { lanes_ = lanes; }
  [[nodiscard]] unsigned large_under_way() const { return large_; }
  // From now on: of an image's large blobs the largest is the next, so that no core is idle while
  // the last one comes to its end. For layers that are written as they come, in any order.
  void largest_first() { largest_first_ = true; }

  // Jobs that no other image needs are not begun any more.
  void fail(std::size_t image);

  // Those that still hope for it, in the order of the plan. Empty: nobody needs it any more.
  [[nodiscard]] std::vector<LayerOf> users(const Task& task) const;
  // Of the image's unpack jobs those that are not done.
  [[nodiscard]] std::vector<std::size_t> unpacks_left(std::size_t image) const;
  [[nodiscard]] bool has_failed(std::size_t image) const;
  [[nodiscard]] bool over() const;  // every image is finished or given up

  [[nodiscard]] const PullPlan& plan() const { return plan_; }

 private:
  enum class State : std::uint8_t { waiting, running, done, failed };
  struct Image {
    bool failed = false;
    State end = State::waiting;  // of finish or give_up
  };

  std::optional<Task> next_end();
  std::optional<Task> next_unpack();
  std::optional<Task> next_fetch();
  [[nodiscard]] bool is_wanted(std::size_t blob) const;
  [[nodiscard]] std::size_t largest_beside(std::size_t blob) const;
  void count(const Task& task, int change);
  [[nodiscard]] bool is_large(std::size_t blob) const;
  [[nodiscard]] bool complete(std::size_t image) const;
  [[nodiscard]] bool idle(std::size_t image) const;
  [[nodiscard]] std::vector<LayerOf> living(const std::vector<LayerOf>& users) const;
  State& state_of(const Task& task);
  void end(const Task& task, State state);

  PullPlan plan_;
  Limits limits_;
  std::vector<State> blobs_, unpacks_;
  std::vector<Image> images_;
  unsigned fetching_ = 0, unpacking_ = 0, large_ = 0;
  unsigned lanes_ = std::numeric_limits<unsigned>::max();
  bool largest_first_ = false;
};

}  // namespace nodeproof::prepull
