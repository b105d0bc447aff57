#include "agent/override_state.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <ctime>
#include <limits>

#include "agent/json_read.hpp"
#include "common/clock.hpp"
#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kVersion = 1;
constexpr off_t kMaxAudit = 128 << 10;  // bytes; then a new file begins, and one old one is kept
constexpr std::uint32_t kNoLogin = std::numeric_limits<std::uint32_t>::max();

std::string one_line(const std::string& text) { return text.substr(0, text.find('\n')); }

OverrideEvent event_of(std::string_view word, const Override& about, const Moment& now) {
  return {.time = to_rfc3339(now.wall),
          .event = std::string(word),
          .until = to_rfc3339(about.until),
          .reason = about.reason,
          .uid = {},
          .login_uid = {},
          .pid = {}};
}

OverrideEvent event_by(std::string_view word, const Override& about, const Override& by,
                       const Moment& now) {
  OverrideEvent event = event_of(word, about, now);
  event.uid = by.uid;
  event.login_uid = by.login_uid;
  event.pid = by.pid;
  return event;
}

std::string text_of(const OverrideEvent& event) {
  json::Writer out;
  out.begin_object().member("time", event.time).member("event", event.event);
  out.member("until", event.until).member("reason", event.reason);
  if (event.uid) out.member("uid", std::uint64_t{*event.uid});
  if (event.login_uid) out.member("loginUid", std::uint64_t{*event.login_uid});
  if (event.pid) out.member("pid", *event.pid);
  return out.end_object().str() + "\n";
}

Result<std::optional<std::uint32_t>> read_uid(const json::Value& object, std::string_view key) {
  if (object.find(key) == nullptr) return std::optional<std::uint32_t>();
  unsigned uid = 0;
  TRY(json::read(object, key, uid));
  return std::optional(std::uint32_t{uid});
}

Result<OverrideEvent> read_event(std::string_view line) {
  const json::Value value = TRY(json::parse(line));
  OverrideEvent event;
  TRY(json::read(value, "time", event.time));
  TRY(json::read(value, "event", event.event));
  TRY(json::read(value, "until", event.until));
  TRY(json::read(value, "reason", event.reason));
  event.uid = TRY(read_uid(value, "uid"));
  event.login_uid = TRY(read_uid(value, "loginUid"));
  if (const json::Value* pid = value.find("pid")) event.pid = TRY(pid->integer());
  return event;
}

// Whole or not at all.
Result<> append(const UniqueFd& file, std::string_view line, const std::filesystem::path& path) {
  const off_t before = ::lseek(file.get(), 0, SEEK_END);
  errno = 0;
  const ssize_t written = ::write(file.get(), line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size()) && ::fdatasync(file.get()) == 0) return {};
  const int problem = errno != 0 ? errno : ENOSPC;  // of a short write
  if (before >= 0) static_cast<void>(::ftruncate(file.get(), before));
  return fail_errno(problem, path.string());
}

}  // namespace

struct OverrideState::Kept {
  Override given;
  milliseconds begin{0};  // since the boot
  milliseconds length{0};
  std::string boot_id;

  [[nodiscard]] milliseconds left(const Moment& now) const {
    constexpr milliseconds kOver{0};
    const bool sound = length > kOver && length <= kLongestOverride && begin >= kOver &&
                       given.until - given.since <= length && !boot_id.empty();
    if (!sound || boot_id != now.boot_id || now.since_boot < begin) return kOver;
    if (now.wall >= given.until) return kOver;
    return std::max(kOver, begin + length - now.since_boot);
  }
};

Moment moment_now(std::string boot_id) {
  timespec since{};
  clock_gettime(CLOCK_BOOTTIME, &since);
  return {std::chrono::system_clock::now(),
          milliseconds(since.tv_sec * 1000 + since.tv_nsec / 1'000'000), std::move(boot_id)};
}

std::string kernel_boot_id() {
  return one_line(read_file("/proc/sys/kernel/random/boot_id").value_or(""));
}

Override by_this_process() {
  Override by;
  by.uid = ::getuid();
  by.pid = ::getpid();
  const std::string text = one_line(read_file("/proc/self/loginuid").value_or(""));
  std::uint32_t login = kNoLogin;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), login);
  if (error == std::errc() && !text.empty() && login != kNoLogin) by.login_uid = login;
  return by;
}

// Torn, foreign or of another version: none.
std::optional<OverrideState::Kept> OverrideState::read() const {
  const auto parse = [this]() -> Result<Kept> {
    const std::string text = TRY(read_file(file_));
    const json::Value root = TRY(json::parse(text));
    std::uint64_t version = 0;
    TRY(json::read(root, "version", version));
    if (version != kVersion) return fail(Errc::unsupported, "another version");
    Kept kept;
    std::uint64_t begin = 0, length = 0;
    std::string since, until;
    TRY(json::read(root, "since", since));
    TRY(json::read(root, "until", until));
    TRY(json::read(root, "beginMs", begin));
    TRY(json::read(root, "lengthMs", length));
    TRY(json::read(root, "bootId", kept.boot_id));
    TRY(json::read(root, "reason", kept.given.reason));
    TRY(json::read(root, "uid", kept.given.uid));
    kept.given.login_uid = TRY(read_uid(root, "loginUid"));
    if (const json::Value* pid = root.find("pid")) kept.given.pid = TRY(pid->integer());
    const auto from = parse_rfc3339(since), to = parse_rfc3339(until);
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max() / 4;
    if (!from || !to || begin > kMost || length > kMost) return fail(Errc::invalid_document, "");
    kept.given.since = *from;
    kept.given.until = *to;
    kept.begin = milliseconds(begin);
    kept.length = milliseconds(length);
    return kept;
  };
  auto kept = parse();
  return kept ? std::optional(*std::move(kept)) : std::nullopt;
}

Result<> OverrideState::readable() const {
  if (::access(file_.c_str(), R_OK) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, file_.string());
}

std::optional<Override> OverrideState::active(const Moment& now) const {
  const auto kept = read();
  if (!kept || kept->left(now) <= milliseconds(0)) return {};
  return kept->given;
}

std::optional<milliseconds> OverrideState::left(const Moment& now) const {
  const auto kept = read();
  if (!kept || kept->left(now) <= milliseconds(0)) return {};
  return kept->left(now);
}

Result<Override> OverrideState::give(Override given, std::chrono::seconds length,
                                     const Moment& now) const {
  if (now.boot_id.empty() || now.since_boot < milliseconds(0)) {
    return fail(Errc::io, "the kernel does not tell this boot's id, and so nothing could end it");
  }
  const UniqueFd lock = TRY(alone(true));
  TRY(settle_alone(now));
  given.since = std::chrono::floor<std::chrono::seconds>(now.wall);
  given.until = given.since + length;
  json::Writer out(true);
  out.begin_object().member("version", kVersion);
  out.member("since", to_rfc3339(given.since)).member("until", to_rfc3339(given.until));
  out.member("beginMs", static_cast<std::uint64_t>(now.since_boot.count()));
  out.member("lengthMs", static_cast<std::uint64_t>(milliseconds(length).count()));
  out.member("bootId", now.boot_id).member("reason", given.reason);
  out.member("uid", std::uint64_t{given.uid});
  if (given.login_uid) out.member("loginUid", std::uint64_t{*given.login_uid});
  out.member("pid", given.pid).end_object();
  TRY(note(event_by("given", given, given, now)));
  TRY(write_file_atomically(file_, out.str() + "\n", 0600));
  return given;
}

// It ends, also when that cannot be written down.
Result<std::optional<Override>> OverrideState::clear(const Override& by, const Moment& now) const {
  const UniqueFd lock = TRY(alone(true));
  TRY(settle_alone(now));
  auto counted = active(now);
  TRY(remove_file(file_));
  if (counted) TRY(note(event_by("cleared", *counted, by, now)));
  return counted;
}

Result<UniqueFd> OverrideState::alone(bool wait) const {
  TRY(make_directories(lock_.parent_path(), 0700));
  UniqueFd fd(::open(lock_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno(errno, lock_.string());
  if (::flock(fd.get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0) return fd;
  if (!wait && errno == EWOULDBLOCK) return UniqueFd();
  return fail_errno(errno, lock_.string());
}

Result<> OverrideState::settle(const Moment& now) const {
  if (active(now) || ::access(file_.c_str(), F_OK) != 0) return {};
  const UniqueFd lock = TRY(alone(false));
  // One that the disk does not give may still count.
  if (auto text = read_file(file_); !text) return std::unexpected(std::move(text).error());
  return lock ? settle_alone(now) : Result<>();
}

Result<> OverrideState::settle_alone(const Moment& now) const {
  if (active(now) || ::access(file_.c_str(), F_OK) != 0) return {};
  const auto kept = read();
  TRY(remove_file(file_));
  return note(event_of("ended", kept ? kept->given : Override{}, now));
}

Result<> OverrideState::note(const OverrideEvent& event) const {
  TRY(make_directories(audit_.parent_path(), 0700));
  const auto open_audit = [this] {
    return UniqueFd(
        ::open(audit_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  };
  UniqueFd file = open_audit();
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0) return fail_errno(errno, audit_.string());
  if (facts.st_size >= kMaxAudit) {
    if (::rename(audit_.c_str(), (audit_.string() + ".1").c_str()) != 0) {
      return fail_errno(errno, audit_.string());
    }
    file = open_audit();
    if (!file) return fail_errno(errno, audit_.string());
  }
  return append(file, text_of(event), audit_);
}

std::vector<OverrideEvent> OverrideState::history(std::size_t last) const {
  std::vector<OverrideEvent> events;
  for (const std::string& path : {audit_.string() + ".1", audit_.string()}) {
    const std::string text = read_file(path).value_or("");
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      auto event = read_event(std::string_view(text).substr(at, end - at));
      if (event) events.push_back(*std::move(event));
      at = end + 1;
    }
  }
  if (events.size() > last) events.erase(events.begin(), events.end() - static_cast<long>(last));
  return events;
}

}  // namespace nodeproof
