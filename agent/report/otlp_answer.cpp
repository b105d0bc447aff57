#include <algorithm>
#include <array>
#include <charconv>

#include "agent/report/otlp.hpp"
#include "common/json.hpp"
#include "common/retry_after.hpp"
#include "common/words.hpp"

namespace nodeproof::report {
namespace {

constexpr std::array kRetryable = {429, 502, 503, 504};

// 64-bit numbers are strings in this encoding; receivers that write them bare are understood.
std::int64_t number_in(const json::Value& object, std::string_view key) {
  const json::Value* member = object.find(key);
  const std::string text = member == nullptr ? "" : member->word().value_or("");
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// A google.rpc.Status, or whatever a front before the receiver says.
std::string words_of(std::string_view body) {
  const auto root = json::parse(body);
  if (!root) return excerpt(body);
  const auto message = root->string_or("message", "");
  return message && !message->empty() ? excerpt(*message) : excerpt(body);
}

std::string remedy_for(int status) {
  if (status >= 300 && status < 400) return "name the address it redirects to: none is followed";
  if (status == 401 || status == 403) return "check the login or token that the receiver wants";
  if (status == 404 || status == 405) {
    return "give the whole path of its OTLP/HTTP endpoint, usually /v1/metrics";
  }
  if (status == 413) return "raise the receiver's limit of a request's size";
  if (status == 415) return "the receiver does not take OTLP as JSON: put a collector before it";
  return "";
}

Errc errc_of(int status) {
  if (status == 401 || status == 403) return Errc::unauthorized;
  return status == 429 ? Errc::throttled : Errc::server_error;
}

Error refusal(const HttpResponse& answer, std::string_view body) {
  std::string what = "the OTLP receiver answers " + std::to_string(answer.status);
  if (const std::string words = words_of(body); !words.empty()) what += ": " + words;
  return {errc_of(answer.status), std::move(what), remedy_for(answer.status)};
}

// Samples that were not taken are lost: to send them again is against the protocol.
OtlpAnswer delivered(std::string_view body) {
  OtlpAnswer answer{.outcome = OtlpOutcome::delivered};
  const auto root = json::parse(body);
  const json::Value* partial = root ? root->find("partialSuccess") : nullptr;
  if (partial == nullptr) return answer;
  answer.rejected = number_in(*partial, "rejectedDataPoints");
  const std::string words = excerpt(partial->string_or("errorMessage", "").value_or(""));
  if (answer.rejected <= 0 && words.empty()) return answer;
  std::string what = "the OTLP receiver took the metrics";
  if (answer.rejected > 0) what += " but " + std::to_string(answer.rejected) + " samples";
  if (!words.empty()) what += ": " + words;
  answer.problem = Error{Errc::server_error, std::move(what), "see the receiver's own log"};
  return answer;
}

}  // namespace

OtlpAnswer judge(const HttpResponse& answer, std::string_view body,
                 std::chrono::system_clock::time_point now) {
  if (answer.status >= 200 && answer.status < 300) return delivered(body);
  OtlpAnswer judged{.problem = refusal(answer, body)};
  if (std::ranges::find(kRetryable, answer.status) == kRetryable.end()) return judged;
  judged.outcome = OtlpOutcome::retry;
  judged.retry_after = retry_after(answer, now);
  return judged;
}

}  // namespace nodeproof::report
