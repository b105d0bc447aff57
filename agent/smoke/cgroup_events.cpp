#include "agent/smoke/cgroup_events.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "common/file.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::uint64_t kNearLimit = 1 << 20;  // bytes; a charge is made in batches
constexpr std::size_t kMaxBytes = 64 << 10;
constexpr std::uint64_t kNoLimit = 1ULL << 60;  // version 1 has a large number for "none"

std::string text_of(const std::filesystem::path& path) {
  return read_file(path, kMaxBytes).value_or("");
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

// Of a file with lines of the form "key number".
std::optional<std::uint64_t> value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return number_in(line.substr(key.size() + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

std::uint64_t limit_in(std::string_view text) {
  const std::uint64_t limit = number_in(text).value_or(0);  // version 2 says "max"
  return limit < kNoLimit ? limit : 0;
}

// Documentation/admin-guide/cgroup-v2.rst: "oom_kill" counts every kind of OOM kill, "oom" only
// those of this cgroup's limit.
void read_memory(const std::filesystem::path& mounted, CgroupEvents& events) {
  if (const std::string two = text_of(mounted / "memory.events"); !two.empty()) {
    events.memory_known = true;
    events.oom_kills = value_of(two, "oom_kill").value_or(0);
    events.at_limit = value_of(two, "oom").value_or(0) > 0;
    events.memory_limit = limit_in(text_of(mounted / "memory.max"));
    return;
  }
  const std::filesystem::path one = mounted / "memory";
  const auto kills = value_of(text_of(one / "memory.oom_control"), "oom_kill");  // since Linux 4.13
  events.memory_known = kills.has_value();
  events.oom_kills = kills.value_or(0);
  events.memory_limit = limit_in(text_of(one / "memory.limit_in_bytes"));
  // failcnt counts what was reclaimed in time, too.
  const std::uint64_t most = number_in(text_of(one / "memory.max_usage_in_bytes")).value_or(0);
  events.at_limit = number_in(text_of(one / "memory.failcnt")).value_or(0) > 0 &&
                    most + kNearLimit >= events.memory_limit;
}

Result<std::uint64_t> count_at(const json::Value& object, std::string_view key) {
  const json::Value* member = TRY(object.at(key));
  return member->unsigned_integer();
}

Result<bool> truth_at(const json::Value& object, std::string_view key) {
  const json::Value* member = TRY(object.at(key));
  return member->boolean();
}

}  // namespace

CgroupEvents read_cgroup_events(const std::filesystem::path& mounted) {
  CgroupEvents events;
  read_memory(mounted, events);
  auto refused = value_of(text_of(mounted / "pids.events"), "max");
  if (!refused) refused = value_of(text_of(mounted / "pids" / "pids.events"), "max");
  events.refused_forks = refused.value_or(0);
  return events;
}

CgroupEvents since(const CgroupEvents& before, CgroupEvents after) {
  after.oom_kills -= std::min(before.oom_kills, after.oom_kills);
  after.refused_forks -= std::min(before.refused_forks, after.refused_forks);
  return after;
}

void write_cgroup_events(json::Writer& writer, const CgroupEvents& events) {
  writer.begin_object()
      .member("memoryKnown", events.memory_known)
      .member("oomKills", events.oom_kills)
      .member("memoryLimit", events.memory_limit)
      .member("atLimit", events.at_limit)
      .member("refusedForks", events.refused_forks)
      .end_object();
}

Result<CgroupEvents> parse_cgroup_events(const json::Value& object) {
  CgroupEvents events;
  events.memory_known = TRY(truth_at(object, "memoryKnown"));
  events.oom_kills = TRY(count_at(object, "oomKills"));
  events.memory_limit = TRY(count_at(object, "memoryLimit"));
  events.at_limit = TRY(truth_at(object, "atLimit"));
  events.refused_forks = TRY(count_at(object, "refusedForks"));
  return events;
}

}  // namespace nodeproof::smoke
