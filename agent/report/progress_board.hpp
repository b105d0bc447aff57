// Where the images of a running cycle stand, made of its progress reports.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof::report {

struct CycleProgress {
  std::vector<Progress> images;  // under way, in order of appearance
  std::uint64_t seen = 0;        // images so far, those that are done among them
  // Bytes of all that is pulled together; a shared layer counts once.
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  Pace pace{};
};

// Nothing comes, and that is no mere hiccup.
[[nodiscard]] bool is_stalled(const Progress& progress);

class ProgressBoard {
 public:
  enum class News {
    none,     // as it was
    moved,    // further in the same phase
    step,     // another phase
    stalled,  // from now on nothing comes
    goes_on   // after a stall
  };
  struct Change {
    News news = News::none;
    Progress image;                      // as it stands now
    std::chrono::seconds stalled_for{};  // when it goes on
    bool worked = false;  // more was done, now or before, than to look at what there is
  };

  // A pull whose bytes still come is in that phase also while its first layers are unpacked.
  Change take(const Progress& progress);
  void clear();
  [[nodiscard]] const CycleProgress& cycle() const { return cycle_; }

 private:
  struct Past {  // of the image at the same place
    bool worked = false;
    bool stalled = false;
    std::chrono::seconds still{};
  };
  [[nodiscard]] std::size_t place_of(const Progress& progress);
  void remove(std::size_t place);

  CycleProgress cycle_;
  std::vector<Past> past_;
};

}  // namespace nodeproof::report
