#include "agent/config/entry.hpp"

#include <charconv>

#include "common/pattern.hpp"

namespace nodeproof::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

constexpr std::array kUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                               Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};

struct RateUnit {
  std::string_view name;
  std::uint64_t bytes_per_second;
};

constexpr std::array kRateUnits = {RateUnit{"KB/s", 1000}, RateUnit{"MB/s", 1'000'000},
                                   RateUnit{"GB/s", 1'000'000'000}};

// Below it a registry may take us for a client that hangs.
constexpr std::uint64_t kLowestRate = 64'000;
constexpr std::uint64_t kHighestRate = 1'000'000'000'000;

constexpr std::int64_t kLongest = 366LL * 86'400'000;

}  // namespace

std::string Entry::place() const { return *file_ + ":" + std::to_string(value_->line()); }

std::unexpected<Error> Entry::error(const std::string& what) const {
  return located({Errc::invalid_config, value_->path() + ": " + what, {}});
}

std::unexpected<Error> Entry::located(const Error& error) const {
  return fail(Errc::invalid_config, place() + ": " + error.message);
}

Result<bool> Entry::boolean() const {
  const auto value = value_->boolean();
  if (!value) return located(value.error());
  return *value;
}

Result<std::string> Entry::text() const {
  auto value = value_->string();
  if (!value) return located(value.error());
  return *std::move(value);
}

Result<std::vector<std::string>> Entry::texts() const {
  auto value = value_->strings();
  if (!value) return located(value.error());
  return *std::move(value);
}

Result<std::uint64_t> Entry::number(std::uint64_t lowest, std::uint64_t highest) const {
  const auto value = value_->unsigned_integer();
  if (!value) return located(value.error());
  if (*value < lowest || *value > highest) {
    return error("the number must be from " + std::to_string(lowest) + " to " +
                 std::to_string(highest));
  }
  return *value;
}

Result<std::string> Entry::path() const {
  std::string given = TRY(text());
  if (!given.empty() && !given.starts_with('/')) return error("a path must start with /");
  return given;
}

Result<std::string> Entry::inside() const {
  std::string given = TRY(path());
  for (const std::string_view own : {"/proc", "/sys", "/dev"}) {
    if (given != own && !given.starts_with(std::string(own) + '/')) continue;
    return error(std::string(own) + " is the container's own: write a path of the image");
  }
  return given;
}

Result<std::string> Entry::regex() const {
  std::string given = TRY(text());
  if (const auto compiled = Pattern::compile(given); !compiled) {
    return error(compiled.error().message + "; " + compiled.error().remedy);
  }
  return given;
}

Result<std::vector<std::string>> Entry::patterns() const {
  std::vector<std::string> all;
  if (value().kind() != json::Value::Kind::array) {
    all.push_back(TRY(regex()));
  } else {
    for (const json::Value& item : value().items()) all.push_back(TRY(child(item).regex()));
  }
  std::erase(all, "");
  return all;
}

Result<std::chrono::milliseconds> Entry::duration() const {
  const std::string given = TRY(text());
  std::int64_t count = 0;
  const char* const last = given.data() + given.size();
  const auto [end, failure] = std::from_chars(given.data(), last, count);
  for (const Unit& unit : kUnits) {
    if (failure != std::errc{} || std::string_view(end, last) != unit.name) continue;
    if (count <= 0 || count > kLongest / unit.milliseconds) {
      return error("a duration must be larger than 0 and at most 366d");
    }
    return std::chrono::milliseconds(count * unit.milliseconds);
  }
  return error("\"" + excerpt(given, 64) +
               "\" is not a duration such as \"20s\", \"15m\", \"6h\" or \"7d\"");
}

Result<std::uint64_t> Entry::bandwidth() const {
  const std::string given = TRY(text());
  if (given.empty()) return std::uint64_t{0};
  std::uint64_t count = 0;
  const char* const last = given.data() + given.size();
  const auto [end, failure] = std::from_chars(given.data(), last, count);
  for (const RateUnit& unit : kRateUnits) {
    if (failure != std::errc{} || std::string_view(end, last) != unit.name) continue;
    if (count > kHighestRate / unit.bytes_per_second ||
        count * unit.bytes_per_second < kLowestRate) {
      return error("a bandwidth must be at least 64KB/s and at most 1000GB/s");
    }
    return count * unit.bytes_per_second;
  }
  return error("\"" + excerpt(given, 64) +
               "\" is not a bandwidth such as \"500KB/s\" or \"50MB/s\"");
}

Result<> Entry::must_be(json::Value::Kind kind) const {
  if (value_->kind() == kind) return {};
  return located(value_->wrong(kind == json::Value::Kind::object ? "an object" : "an array"));
}

}  // namespace nodeproof::config
