// What a receiver has not taken yet, on the disk: each event a file. The newest is always kept;
// beyond the cap the oldest go, and are counted exactly, over a power cut too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace nodeproof::report {

struct SpoolCap {
  std::uint64_t bytes = 8'000'000;
  std::size_t events = 1000;
};

class Spool {
 public:
  struct Event {
    std::uint64_t number = 0;  // ascending, never given twice
    std::string id;            // of the event, letters and digits
    std::uint64_t bytes = 0;
    friend bool operator==(const Event&, const Event&) = default;
  };

  // An absent folder is an empty spool; it is made by the first add().
  static Result<Spool> open(std::filesystem::path folder, SpoolCap cap);

  // One whose id is there already is not added again.
  Result<> add(const std::string& id, const std::string& body);
  [[nodiscard]] Result<std::string> body(const Event& event) const;
  Result<> remove(const Event& event);     // it was taken
  Result<> drop(const Event& event);       // it is given up, and counted
  Result<> lose();                         // one that never was here is counted
  Result<> forget(const std::string& id);  // it was taken on another way; absent is fine

  [[nodiscard]] const std::vector<Event>& events() const { return events_; }  // oldest first
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }  // since the folder was made

 private:
  Spool(std::filesystem::path folder, SpoolCap cap) : folder_(std::move(folder)), cap_(cap) {}
  [[nodiscard]] std::filesystem::path file_of(const Event& event) const;
  [[nodiscard]] std::filesystem::path ledger() const { return folder_ / "dropped"; }
  Result<> read_ledger();
  Result<> list();
  Result<> count(std::uint64_t number);

  std::filesystem::path folder_;
  SpoolCap cap_;
  std::vector<Event> events_;
  std::uint64_t dropped_ = 0, last_number_ = 0;
};

}  // namespace nodeproof::report
