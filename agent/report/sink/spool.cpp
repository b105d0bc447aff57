#include "agent/report/sink/spool.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <numeric>
#include <optional>
#include <string_view>
#include <system_error>

#include "agent/json_read.hpp"
#include "agent/report/sink/sortable.hpp"
#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof::report {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kMaxEvent = 64U << 20U;  // bytes

// "<20 digits>-<id>.json"; nothing for what else lies there, such as a write that was cut short.
std::optional<Spool::Event> event_of(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  if (!name.ends_with(kSuffix) || name.size() <= kSortableDigits + 1 + kSuffix.size())
    return std::nullopt;
  if (name[kSortableDigits] != '-') return std::nullopt;
  Spool::Event event;
  const auto read = std::from_chars(name.data(), name.data() + kSortableDigits, event.number);
  if (read.ec != std::errc() || read.ptr != name.data() + kSortableDigits) return std::nullopt;
  event.id = name.substr(kSortableDigits + 1, name.size() - kSortableDigits - 1 - kSuffix.size());
  std::error_code error;
  event.bytes = entry.file_size(error);
  return error ? std::nullopt : std::optional(event);
}

}  // namespace

Result<Spool> Spool::open(fs::path folder, SpoolCap cap) {
  Spool spool(std::move(folder), cap);
  TRY(spool.list());
  TRY(spool.read_ledger());
  return spool;
}

Result<> Spool::list() {
  std::error_code error;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
    if (const auto event = event_of(*at)) {
      events_.push_back(*event);
    } else if (at->path().filename() != ledger().filename()) {
      static_cast<void>(remove_file(at->path()));  // it is in nobody's way
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail_errno(error.value(), "reading the spool " + folder_.string());
  }
  std::ranges::sort(events_, {}, &Event::number);
  if (!events_.empty()) last_number_ = events_.back().number;
  return {};
}

// How many were dropped, the number of the last of them (it was counted before it went, and may be
// there still after a power cut), and the highest number that was given.
Result<> Spool::read_ledger() {
  const auto text = read_file(ledger());
  const auto document = text ? json::parse(*text) : Result<json::Value>(json::Value());
  if (!document || document->kind() != json::Value::Kind::object) return {};
  std::uint64_t last = 0, given = 0;
  TRY(json::read(*document, "dropped", dropped_));
  TRY(json::read(*document, "last", last));
  TRY(json::read(*document, "given", given));
  last_number_ = std::max(last_number_, given);
  const auto left = std::ranges::find(events_, last, &Event::number);
  if (left != events_.end()) {
    static_cast<void>(remove_file(file_of(*left)));
    events_.erase(left);
  }
  return {};
}

fs::path Spool::file_of(const Event& event) const {
  return folder_ / (sortable(event.number) + "-" + event.id + std::string(kSuffix));
}

std::uint64_t Spool::bytes() const {
  return std::accumulate(events_.begin(), events_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Event& event) { return sum + event.bytes; });
}

Result<> Spool::add(const std::string& id, const std::string& body) {
  if (std::ranges::find(events_, id, &Event::id) != events_.end()) return {};
  const bool plain = std::ranges::all_of(id, [](unsigned char c) { return std::isalnum(c) != 0; });
  if (id.empty() || !plain) return fail(Errc::internal, "an event's id that is no file name");
  // Room first: on a full disk it is what was dropped that makes it.
  while (!events_.empty() &&
         (bytes() + body.size() > cap_.bytes || events_.size() + 1 > cap_.events)) {
    TRY(drop(Event(events_.front())));
  }
  TRY(make_directories(folder_, 0700));
  const Event event{last_number_ + 1, id, body.size()};
  TRY(write_file_atomically(file_of(event), body, 0600));
  last_number_ = event.number;
  events_.push_back(event);
  return {};
}

Result<std::string> Spool::body(const Event& event) const {
  return read_file(file_of(event), kMaxEvent);
}

Result<> Spool::remove(const Event& event) {
  TRY(remove_file(file_of(event)));
  std::erase(events_, event);
  return {};
}

Result<> Spool::forget(const std::string& id) {
  const auto found = std::ranges::find(events_, id, &Event::id);
  return found == events_.end() ? Result<>{} : remove(Event(*found));
}

Result<> Spool::drop(const Event& event) {
  TRY(count(event.number));
  return remove(event);
}

Result<> Spool::lose() {
  TRY(make_directories(folder_, 0700));
  return count(0);
}

Result<> Spool::count(std::uint64_t number) {
  json::Writer out;
  out.begin_object().member("dropped", dropped_ + 1).member("last", number);
  out.member("given", last_number_).end_object();
  TRY(write_file_atomically(ledger(), out.str(), 0600));
  ++dropped_;
  return {};
}

}  // namespace nodeproof::report
