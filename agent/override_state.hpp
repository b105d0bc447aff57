// The override of this node: <state>/override.json while it counts, and <state>/override.log, which
// says who gave and ended which, and why.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "common/error.hpp"
#include "common/file.hpp"

namespace nodeproof {

inline constexpr std::chrono::seconds kLongestOverride = std::chrono::days(7);

// One moment on the two clocks: the wall's may be set, the other counts from the boot on, in sleep
// too, and nobody can set it.
struct Moment {
  std::chrono::system_clock::time_point wall;
  std::chrono::milliseconds since_boot{0};
  std::string boot_id;
};
[[nodiscard]] Moment moment_now(std::string boot_id);
[[nodiscard]] std::string kernel_boot_id();

// Who runs this program: its real uid, the uid of the login it descends from, its pid.
[[nodiscard]] Override by_this_process();

// What became of it, as the audit tells it.
struct OverrideEvent {
  std::string time, event;  // RFC 3339; given, cleared, ended
  std::string until, reason;
  std::optional<std::uint32_t> uid, login_uid;  // nobody's: it ended by itself
  std::optional<std::int64_t> pid;
  friend bool operator==(const OverrideEvent&, const OverrideEvent&) = default;
};

// Across a boot no clock can be trusted to say how much time has passed: an override ends with the
// boot it was given in. Within it the first of the two clocks counts.
class OverrideState {
 public:
  explicit OverrideState(const std::filesystem::path& state_dir)
      : file_(state_dir / "override.json"),
        audit_(state_dir / "override.log"),
        lock_(state_dir / "override.lock") {}

  // Could it be told whether there is one?
  [[nodiscard]] Result<> readable() const;
  // Reads one small file, and only that.
  [[nodiscard]] std::optional<Override> active(const Moment& now) const;
  // Until it ends at the latest; nothing when there is none.
  [[nodiscard]] std::optional<std::chrono::milliseconds> left(const Moment& now) const;

  // Replaces one that counts. `given` names who and why; its times are set from now and length.
  // Nothing is overridden that the audit does not hold.
  Result<Override> give(Override given, std::chrono::seconds length, const Moment& now) const;
  // The one that counted; nothing when there was none.
  Result<std::optional<Override>> clear(const Override& by, const Moment& now) const;
  // One whose time is over is written down as ended and taken away; later where somebody is just
  // giving or clearing one.
  Result<> settle(const Moment& now) const;

  [[nodiscard]] std::vector<OverrideEvent> history(std::size_t last) const;  // oldest first

 private:
  struct Kept;
  [[nodiscard]] std::optional<Kept> read() const;
  Result<> note(const OverrideEvent& event) const;
  // One at a time changes it: what somebody gives must not be taken for what has just ended.
  // Without waiting: none while another is at it.
  [[nodiscard]] Result<UniqueFd> alone(bool wait) const;
  Result<> settle_alone(const Moment& now) const;

  std::filesystem::path file_, audit_, lock_;
};

}  // namespace nodeproof
