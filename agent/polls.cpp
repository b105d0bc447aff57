#include "agent/polls.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "agent/json_read.hpp"
#include "agent/model_json.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"

namespace nodeproof {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxBytes = 4U << 20U;
constexpr std::chrono::seconds kFirst = std::chrono::hours(1);  // after a boot
constexpr std::chrono::seconds kClockSkew = std::chrono::minutes(1);
// Of a rate limit that names none, and at most.
constexpr std::chrono::seconds kWindow = std::chrono::hours(1);
constexpr std::chrono::seconds kLongestWindow = std::chrono::hours(24);

Result<Polls::Time> time_at(const json::Value& object, std::string_view key) {
  const json::Value* value = TRY(object.at(key));
  return Polls::Time(std::chrono::seconds(TRY(value->integer())));
}

std::int64_t seconds_of(Polls::Time time) { return time.time_since_epoch().count(); }

}  // namespace

std::chrono::seconds share_of(std::chrono::seconds period, const std::string& node,
                              const std::string& purpose) {
  if (period.count() <= 0) return {};
  constexpr std::size_t kDigits = 15;  // 60 bits
  const std::string hash(hash_of(as_bytes(node + '\0' + purpose)).hex().substr(0, kDigits));
  std::uint64_t number = 0;
  std::from_chars(hash.data(), hash.data() + hash.size(), number, 16);
  return std::chrono::seconds(number % static_cast<std::uint64_t>(period.count()));
}

Polls::Polls(std::filesystem::path file, std::string node, std::chrono::seconds every,
             const Clock& clock)
    : file_(std::move(file)),
      node_(std::move(node)),
      every_(std::max(every, std::chrono::seconds(1))),
      clock_(clock) {
  const auto text = read_file(file_, kMaxBytes);
  if (!text || load(*text)) return;
  tags_.clear();
  hosts_.clear();
  wanted_.clear();
}

Polls::Time Polls::now() const { return std::chrono::floor<std::chrono::seconds>(clock_.now()); }

// A node's moments are the same ones after each restart, and other nodes' are others.
Polls::Time Polls::last_moment(const std::string& name, std::chrono::seconds period) const {
  const std::int64_t since = seconds_of(now()) - share_of(period, node_, name).count();
  const std::int64_t into = ((since % period.count()) + period.count()) % period.count();
  return now() - std::chrono::seconds(into);
}

bool Polls::is_due(const Reference& tag, OnTagMoved policy) {
  const std::scoped_lock lock(mutex_);
  const std::string name = tag.name();
  const auto [found, fresh] =
      tags_.try_emplace(name, Tag{.asked = now(), .policy = static_cast<std::uint64_t>(policy)});
  changed_ |= fresh;
  const Tag& last = found->second;
  if (last.policy != static_cast<std::uint64_t>(policy)) return true;
  if (last.asked > now() + kClockSkew) return true;  // the clock was set back
  return last_moment(name, last.answered ? every_ : std::min(every_, kFirst)) > last.asked;
}

void Polls::answered(const Reference& tag, OnTagMoved policy) {
  const std::scoped_lock lock(mutex_);
  Tag& last = tags_[tag.name()];
  last.asked = now();
  last.answered = true;
  last.policy = static_cast<std::uint64_t>(policy);
  changed_ = true;
}

void Polls::hear(const Reference& tag) {
  const std::scoped_lock lock(mutex_);
  tags_.try_emplace(tag.name(), Tag{.asked = now()}).first->second.heard = now();
  changed_ = true;
}

std::optional<Polls::Time> Polls::heard(const Reference& tag) const {
  const std::scoped_lock lock(mutex_);
  const auto found = tags_.find(tag.name());
  return found == tags_.end() ? std::nullopt : found->second.heard;
}

void Polls::set_limit(const Reference& tag, const RateLimit& limit) {
  const auto window = std::min(limit.window.value_or(kWindow), kLongestWindow);
  hosts_[tag.domain()] = {limit, now() + window};
  changed_ = true;
}

void Polls::note(const Reference& tag, const std::optional<RateLimit>& limit) {
  const std::scoped_lock lock(mutex_);
  if (limit) set_limit(tag, *limit);
}

void Polls::refused(const Reference& tag) {
  const std::scoped_lock lock(mutex_);
  const Host* host = host_of(tag);
  RateLimit limit = host == nullptr ? RateLimit{} : host->limit;
  limit.remaining = 0;
  set_limit(tag, limit);
}

const Polls::Host* Polls::host_of(const Reference& tag) const {
  const auto found = hosts_.find(tag.domain());
  if (found == hosts_.end()) return nullptr;
  const Time until = found->second.until;
  // Beyond the longest window: the clock was set back.
  return until > now() && until <= now() + kLongestWindow ? &found->second : nullptr;
}

std::optional<RateLimit> Polls::limit_of(const Reference& tag) const {
  const std::scoped_lock lock(mutex_);
  const Host* host = host_of(tag);
  return host == nullptr ? std::nullopt : std::optional(host->limit);
}

std::optional<Polls::Time> Polls::paused_until(const Reference& tag) const {
  const std::scoped_lock lock(mutex_);
  const Host* host = host_of(tag);
  return host != nullptr && is_low(host->limit) ? std::optional(host->until) : std::nullopt;
}

std::optional<Polls::Time> Polls::wanted_since(const Reference& tag) const {
  const std::scoped_lock lock(mutex_);
  const auto found = wanted_.find(tag.name());
  return found == wanted_.end() ? std::nullopt : std::optional(found->second);
}

void Polls::want(const Reference& tag) {
  const std::scoped_lock lock(mutex_);
  changed_ |= wanted_.try_emplace(tag.name(), now()).second;
}

void Polls::unwant(const Reference& tag) {
  const std::scoped_lock lock(mutex_);
  changed_ |= wanted_.erase(tag.name()) > 0;
}

// What has not been asked for in so long has left the configuration; or its registry is dead, and
// then it is to be asked on.
Result<> Polls::load_tags(const json::Value& tags) {
  const Time oldest = now() - 2 * every_ - std::chrono::days(30);
  for (const auto& [name, value] : tags.members()) {
    Tag tag;
    tag.asked = TRY(time_at(value, "asked"));
    TRY(json::read(value, "answered", tag.answered));
    TRY(json::read(value, "policy", tag.policy));
    if (value.find("heard") != nullptr) tag.heard = TRY(time_at(value, "heard"));
    if (tag.asked > oldest) tags_.emplace(name, tag);
  }
  return {};
}

Result<> Polls::load_hosts(const json::Value& hosts) {
  for (const auto& [name, value] : hosts.members()) {
    const auto limit = TRY(read_rate_limit(value, "rateLimit"));
    const Time until = TRY(time_at(value, "until"));
    if (limit && until > now()) hosts_.emplace(name, Host{*limit, until});
  }
  return {};
}

Result<> Polls::load_wanted(const json::Value& tags) {
  const Time oldest = now() - std::chrono::days(30);  // beyond any window
  for (const auto& [name, value] : tags.members()) {
    const Time since{std::chrono::seconds(TRY(value.integer()))};
    if (since > oldest) wanted_.emplace(name, since);
  }
  return {};
}

Result<> Polls::load(const std::string& text) {
  const json::Value root = TRY(json::parse(text));
  std::uint64_t version = 0;
  TRY(json::read(root, "version", version));
  if (version != kVersion) return fail(Errc::unsupported, "another version");
  const json::Value* tags = TRY(root.at("tags"));
  TRY(load_tags(*tags));
  const json::Value* hosts = TRY(root.at("registries"));
  TRY(load_hosts(*hosts));
  const json::Value* wanted = root.find("wanted");  // a file of an earlier version has none
  return wanted == nullptr ? Result<>{} : load_wanted(*wanted);
}

Result<> Polls::save() {
  const std::scoped_lock lock(mutex_);
  if (!changed_) return {};
  json::Writer out;
  out.begin_object().member("version", kVersion).key("tags").begin_object();
  for (const auto& [name, tag] : tags_) {
    out.key(name).begin_object().member("asked", seconds_of(tag.asked));
    out.member("answered", tag.answered).member("policy", tag.policy);
    if (tag.heard) out.member("heard", seconds_of(*tag.heard));
    out.end_object();
  }
  out.end_object().key("registries").begin_object();
  for (const auto& [name, host] : hosts_) {
    out.key(name).begin_object().member("until", seconds_of(host.until)).key("rateLimit");
    write_rate_limit(out, host.limit);
    out.end_object();
  }
  out.end_object().key("wanted").begin_object();
  for (const auto& [name, since] : wanted_) out.member(name, seconds_of(since));
  out.end_object().end_object();
  TRY(write_file_atomically(file_, out.str()));
  changed_ = false;
  return {};
}

}  // namespace nodeproof
