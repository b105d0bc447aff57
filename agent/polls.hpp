// When each tag was asked for last, and which registries have few requests left: what keeps the
// daemon's cycles at one question per tag and period, spread over the fleet.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "agent/model.hpp"
#include "common/clock.hpp"
#include "common/error.hpp"
#include "common/json.hpp"

namespace nodeproof {

// The share of a period that is the node's own for this purpose: the same one after each restart,
// and other nodes' are others.
[[nodiscard]] std::chrono::seconds share_of(std::chrono::seconds period, const std::string& node,
                                            const std::string& purpose);

// Thread-safe. Lives in a file of the run directory, which is memory: a poll that changes nothing
// writes nothing to disk, and a boot forgets.
class Polls {
 public:
  using Time = std::chrono::sys_seconds;

  // `node` tells this node from the others of its fleet; the clock outlives it. A file that cannot
  // be read is an empty one.
  Polls(std::filesystem::path file, std::string node, std::chrono::seconds every,
        const Clock& clock);

  // In each period the node has a moment of its own for each tag; it has passed since the tag was
  // answered. After a boot it comes within the first hour. Another policy makes the tag due at
  // once.
  bool is_due(const Reference& tag, OnTagMoved policy);
  void answered(const Reference& tag, OnTagMoved policy);

  // It has said something about the tag just now, be it enough or not; when it did so last since
  // the boot.
  void hear(const Reference& tag);
  [[nodiscard]] std::optional<Time> heard(const Reference& tag) const;

  // What the registry said just now; nothing = nothing new.
  void note(const Reference& tag, const std::optional<RateLimit>& limit);
  // It wants to be left alone.
  void refused(const Reference& tag);
  // As long as it is true.
  [[nodiscard]] std::optional<RateLimit> limit_of(const Reference& tag) const;
  // Until when its tags are not asked for, as little is left; nothing = they may be.
  [[nodiscard]] std::optional<Time> paused_until(const Reference& tag) const;

  // Since when something that may wait is to be fetched for this tag, and has not been; nothing =
  // there is nothing.
  [[nodiscard]] std::optional<Time> wanted_since(const Reference& tag) const;
  void want(const Reference& tag);  // now, if not before
  void unwant(const Reference& tag);

  Result<> save();  // when something has changed

 private:
  struct Tag {
    Time asked;             // or first heard of
    bool answered = false;  // since the boot
    std::optional<Time> heard = {};
    std::uint64_t policy = 0;
  };
  struct Host {
    RateLimit limit;
    Time until;
  };
  Result<> load(const std::string& text);
  Result<> load_tags(const json::Value& tags);
  Result<> load_hosts(const json::Value& hosts);
  Result<> load_wanted(const json::Value& tags);
  // With mutex_ held:
  void set_limit(const Reference& tag, const RateLimit& limit);
  [[nodiscard]] Time now() const;
  [[nodiscard]] Time last_moment(const std::string& name, std::chrono::seconds period) const;
  [[nodiscard]] const Host* host_of(const Reference& tag) const;

  mutable std::mutex mutex_;
  std::filesystem::path file_;
  std::string node_;
  std::chrono::seconds every_;
  const Clock& clock_;
  std::map<std::string, Tag> tags_;     // by Reference::name()
  std::map<std::string, Host> hosts_;   // by Reference::domain()
  std::map<std::string, Time> wanted_;  // by Reference::name()
  bool changed_ = false;
};

}  // namespace nodeproof
