#include "common/oci_healthcheck.hpp"

#include <algorithm>

namespace nodeproof {
namespace {

constexpr std::int64_t kNanosecondsPerMillisecond = 1'000'000;
constexpr std::int64_t kMostRetries = 1'000'000;

// Docker's shell where the image declares none (SHELL).
std::vector<std::string> shell_of(const json::Value& config) {
  if (const json::Value* shell = config.find("Shell"); shell != nullptr) {
    if (auto words = shell->strings(); words && !words->empty()) return *std::move(words);
  }
  return {"/bin/sh", "-c"};
}

// A duration in nanoseconds; absent and 0 keep what `into` has.
Result<> read_time(const json::Value& check, std::string_view key,
                   std::chrono::milliseconds& into) {
  const json::Value* value = check.find(key);
  if (value == nullptr || value->kind() == json::Value::Kind::null) return {};
  const std::int64_t count = TRY(value->integer());
  if (count < 0) return fail(Errc::invalid_document, value->path() + ": a negative duration");
  if (count > 0)
    into = std::chrono::milliseconds(std::max<std::int64_t>(1, count / kNanosecondsPerMillisecond));
  return {};
}

Result<> read_command(const json::Value& config, const json::Value& check, Healthcheck& into) {
  const json::Value* test = TRY(check.at("Test"));
  const std::vector<std::string> words = TRY(test->strings());
  if (words.size() > 1 && words[0] == "CMD") {
    into.command.assign(words.begin() + 1, words.end());
  } else if (words.size() == 2 && words[0] == "CMD-SHELL") {
    into.command = shell_of(config);
    into.command.push_back(words[1]);
  } else {
    return fail(Errc::invalid_document,
                test->path() + ": neither [\"NONE\"] nor [\"CMD\", ...] nor [\"CMD-SHELL\", line]");
  }
  if (into.command[0].empty()) return fail(Errc::invalid_document, test->path() + ": no program");
  return {};
}

Result<> read_all(const json::Value& config, const json::Value& check, Healthcheck& into) {
  TRY(read_command(config, check, into));
  TRY(read_time(check, "Interval", into.interval));
  TRY(read_time(check, "Timeout", into.timeout));
  TRY(read_time(check, "StartPeriod", into.start_period));
  const json::Value* retries = check.find("Retries");
  if (retries == nullptr || retries->kind() == json::Value::Kind::null) return {};
  const std::int64_t count = TRY(retries->integer());
  if (count < 0 || count > kMostRetries) {
    return fail(Errc::invalid_document, retries->path() + ": no sensible number");
  }
  if (count > 0) into.retries = static_cast<unsigned>(count);
  return {};
}

// An empty list inherits from the parent image, of which nothing is known any more: there is none.
bool is_none(const json::Value& check) {
  const json::Value* test = check.find("Test");
  if (test == nullptr || test->kind() == json::Value::Kind::null) return true;
  const auto words = test->strings();
  return words && (words->empty() || (*words)[0] == "NONE" || (*words)[0].empty());
}

}  // namespace

std::optional<Healthcheck> read_healthcheck(const json::Value& config) {
  const json::Value* check = config.find("Healthcheck");
  if (check == nullptr || check->kind() == json::Value::Kind::null || is_none(*check)) {
    return std::nullopt;
  }
  Healthcheck found;
  if (auto read = read_all(config, *check, found); !read) {
    found = {};
    found.problem = read.error().message;
  }
  return found;
}

}  // namespace nodeproof
