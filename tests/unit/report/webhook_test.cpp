#include "agent/report/sink/webhook.hpp"

#include <gtest/gtest.h>

#include "agent/report/json.hpp"
#include "agent/report/sink/cloud_event.hpp"
#include "common/file.hpp"
#include "common/json.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/scripted_http.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;
using fakes::ScriptedAnswer;

const std::string kUrl = "https://fleet.example.com/hook";

NodeReport report_of(std::uint64_t sequence) {
  NodeReport report;
  report.node = "pi-17 \xc3\xa9";
  report.sequence = sequence;
  report.message = "state " + std::to_string(sequence);
  report.time = fakes::FakeClock().now() + std::chrono::minutes(sequence);
  return report;
}

using Sequences = std::vector<std::uint64_t>;

class Webhook : public ::testing::Test {
 protected:
  void answers(std::vector<ScriptedAnswer> all) { http_.answer(kUrl, std::move(all)); }
  static ScriptedAnswer status(int code) {
    ScriptedAnswer answer;
    answer.status = code;
    return answer;
  }
  static ScriptedAnswer nobody() {
    ScriptedAnswer answer = status(0);
    answer.broken = Error{Errc::unreachable, "no route", ""};
    return answer;
  }

  Result<> deliver(std::uint64_t sequence, bool news = true, bool hold = false) {
    WebhookSettings settings{{}, folder_.path() / "spool", cap_};
    settings.target.url = kUrl;
    settings.target.token_file = token_;
    WebhookSink sink(http_, clock_, settings);
    Delivery delivery;
    delivery.report = report_of(sequence);
    delivery.document = to_json(delivery.report);
    delivery.news = news;
    delivery.hold = hold;
    delivery.now = std::chrono::floor<std::chrono::seconds>(clock_.now());
    state_.retry_after.reset();
    state_.more = state_.kept = state_.stopped = false;
    return sink.deliver(delivery, state_, {});
  }
  // The sequences of the events that were sent, in order.
  [[nodiscard]] std::vector<std::uint64_t> sent() const {
    std::vector<std::uint64_t> sequences;
    for (const HttpRequest& request : http_.requests()) {
      const auto event = json::parse(request.body);
      EXPECT_TRUE(event);
      sequences.push_back(*event->find("data")->find("sequence")->unsigned_integer());
    }
    return sequences;
  }
  // An attribute of the n-th event that was sent.
  [[nodiscard]] std::string attribute(std::size_t n, std::string_view name) const {
    const auto event = json::parse(http_.requests().at(n).body);
    return event ? event->string_or(name, "").value_or("") : "";
  }

  const fakes::TempFolder folder_;
  fakes::ScriptedHttp http_;
  fakes::FakeClock clock_;
  SinkState state_;
  SpoolCap cap_;
  std::string token_;
};

TEST_F(Webhook, SendsACloudEvent) {
  answers({status(202)});
  ASSERT_TRUE(deliver(7));
  EXPECT_EQ(http_.sent_header(0, "Content-Type"), kCloudEventType);
  EXPECT_EQ(attribute(0, "specversion"), "1.0");
  EXPECT_EQ(attribute(0, "type"), "dev.nodeproof.report.v1");
  EXPECT_EQ(attribute(0, "source"), "https://nodeproof.dev/nodes/pi-17%20%C3%A9");
  EXPECT_EQ(attribute(0, "subject"), "pi-17 \xc3\xa9");
  EXPECT_EQ(attribute(0, "time"), "2026-11-21T00:07:00Z");
  EXPECT_EQ(attribute(0, "sequence"), "00000000000000000007");
  EXPECT_EQ(sent(), Sequences{7});
  EXPECT_EQ(state_.counters.delivered, 1U);
  EXPECT_EQ(state_.counters.last_success, std::chrono::floor<std::chrono::seconds>(clock_.now()));
}

TEST_F(Webhook, AnEventThatIsSentAgainHasTheSameId) {
  answers({nobody(), status(204)});
  EXPECT_FALSE(deliver(7));
  EXPECT_TRUE(state_.kept);
  ASSERT_TRUE(deliver(8, false));
  EXPECT_EQ(sent(), (Sequences{7, 8, 7}));
  EXPECT_EQ(attribute(0, "id"), attribute(2, "id"));
  EXPECT_NE(attribute(0, "id"), attribute(1, "id"));
}

TEST_F(Webhook, AHeartbeatSaysTheSameAgainWithTheSameId) {
  answers({status(200)});
  ASSERT_TRUE(deliver(7));
  ASSERT_TRUE(deliver(7, false));
  EXPECT_EQ(sent(), (Sequences{7, 7}));
  EXPECT_EQ(attribute(0, "id"), attribute(1, "id"));
}

TEST_F(Webhook, OnlyAReceiptIsASuccess) {
  answers({status(200), nobody()});
  ASSERT_TRUE(deliver(7));
  const auto before = state_.counters.last_success;
  clock_.advance(1h);
  EXPECT_FALSE(deliver(7, false));
  EXPECT_EQ(state_.counters.last_success, before);
}

TEST_F(Webhook, ANewestReportThatIsRefusedForGoodIsCountedOnceAndTheRestGoesOn) {
  answers({nobody(), status(422), status(200)});
  EXPECT_FALSE(deliver(1));
  ASSERT_TRUE(deliver(2));
  EXPECT_EQ(sent(), (Sequences{1, 2, 1}));
  EXPECT_EQ(state_.counters.dropped, 1U);
  EXPECT_NE(state_.problem.find("422"), std::string::npos);
  ASSERT_TRUE(deliver(2, false));  // not once more
  EXPECT_EQ(sent(), (Sequences{1, 2, 1}));
  EXPECT_EQ(state_.counters.dropped, 1U);
}

TEST_F(Webhook, ADiskThatKeepsNothingSilencesNobody) {
  ASSERT_TRUE(write_file_atomically(folder_.path() / "spool", "no folder"));
  answers({nobody(), status(200)});
  const auto failed = deliver(1);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("no route"), std::string::npos) << failed.error().message;
  EXPECT_NE(failed.error().message.find("spool"), std::string::npos) << failed.error().message;
  EXPECT_FALSE(state_.kept);
  ASSERT_TRUE(deliver(2));
  EXPECT_EQ(sent(), (Sequences{1, 2}));
}

TEST_F(Webhook, AForeignFolderInTheSpoolIsInNobodysWay) {
  std::filesystem::create_directories(folder_.path() / "spool" / "lost+found");
  answers({status(200)});
  ASSERT_TRUE(deliver(1));
  EXPECT_EQ(sent(), Sequences{1});
}

TEST_F(Webhook, AHeartbeatThatDidNotArriveIsNotKept) {
  answers({nobody()});
  EXPECT_FALSE(deliver(7, false));
  EXPECT_EQ(state_.counters.spool_events, 0U);
}

TEST_F(Webhook, NewsIsKeptWithoutAskingTheReceiver) {
  ASSERT_TRUE(deliver(7, true, true));
  EXPECT_TRUE(state_.kept);
  EXPECT_EQ(state_.counters.spool_events, 1U);
  EXPECT_TRUE(http_.requests().empty());
}

TEST_F(Webhook, AWeekOfflineKeepsTheNewestWithinTheCapAndCountsTheRest) {
  answers({nobody()});
  constexpr std::uint64_t kStates = 7 * 24;
  cap_ = {.bytes = 60'000, .events = 1000};
  for (std::uint64_t hour = 1; hour <= kStates; ++hour) {
    EXPECT_FALSE(deliver(hour));
    EXPECT_TRUE(state_.kept);
    EXPECT_LE(state_.counters.spool_bytes, cap_.bytes);
  }
  const std::uint64_t kept = state_.counters.spool_events;
  EXPECT_EQ(state_.counters.dropped + kept, kStates);
  EXPECT_EQ(state_.counters.failures, kStates);
  EXPECT_GT(kept, 20U);

  const std::size_t before = http_.requests().size();
  fakes::ScriptedAnswer throttled = status(429);
  throttled.headers = {{"retry-after", "120"}};
  answers({throttled, status(200)});
  EXPECT_FALSE(deliver(kStates));
  EXPECT_EQ(state_.retry_after, 120s);
  ASSERT_TRUE(deliver(kStates, false));
  EXPECT_TRUE(state_.more);  // twenty at once, so that a fleet's return is no flood
  while (state_.more) ASSERT_TRUE(deliver(kStates, false));

  const Sequences all = sent();
  Sequences wanted{kStates, kStates};  // the newest state first: refused, then taken
  for (std::uint64_t n = kStates - kept + 1; n < kStates; ++n) wanted.push_back(n);
  EXPECT_EQ(Sequences(all.begin() + static_cast<std::ptrdiff_t>(before), all.end()), wanted);
  EXPECT_EQ(state_.counters.spool_events, 0U);
  EXPECT_EQ(state_.counters.dropped + kept, kStates);
  ASSERT_TRUE(deliver(kStates + 1));
  EXPECT_EQ(attribute(http_.requests().size() - 1, "nodeproofdropped"),
            std::to_string(kStates - kept));
}

TEST_F(Webhook, AReceiverThatIsGoneStopsIt) {
  answers({status(410)});
  const auto done = deliver(7);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("410"), std::string::npos);
  EXPECT_TRUE(state_.stopped);
}

TEST_F(Webhook, ARedirectIsNotFollowed) {
  ScriptedAnswer moved = status(307);
  moved.headers = {{"location", "https://elsewhere.example.com/"}};
  answers({moved});
  const auto done = deliver(7);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("redirect"), std::string::npos);
  EXPECT_EQ(http_.urls(), std::vector<std::string>{kUrl});
  EXPECT_TRUE(state_.kept);
}

TEST_F(Webhook, WhatTheReceiverWillNeverTakeIsCountedAndDoesNotBlockTheRest) {
  answers({nobody(), nobody(), status(200), status(415), status(200)});
  EXPECT_FALSE(deliver(1));
  EXPECT_FALSE(deliver(2));
  ASSERT_TRUE(deliver(3));
  EXPECT_EQ(sent(), (Sequences{1, 2, 3, 1, 2}));
  EXPECT_EQ(state_.counters.dropped, 1U);
  EXPECT_EQ(state_.counters.spool_events, 0U);
}

TEST_F(Webhook, AnEventThatAPowerCutEmptiedIsGivenUpAndCounted) {
  answers({nobody(), status(200)});
  EXPECT_FALSE(deliver(1));
  for (const auto& file : std::filesystem::directory_iterator(folder_.path() / "spool")) {
    std::filesystem::resize_file(file.path(), 0);
  }
  EXPECT_TRUE(deliver(2));
  EXPECT_EQ(sent(), (Sequences{1, 2}));
  EXPECT_EQ(state_.counters.dropped, 1U);
}

TEST_F(Webhook, TheTokenIsReadEachTimeAndNeverTold) {
  token_ = (folder_.path() / "token").string();
  answers({status(200), status(401)});
  ASSERT_TRUE(write_file_atomically(token_, "first\n"));
  ASSERT_TRUE(deliver(1));
  ASSERT_TRUE(write_file_atomically(token_, "second"));
  const auto refused = deliver(2);
  EXPECT_EQ(http_.sent_header(0, "Authorization"), "Bearer first");
  EXPECT_EQ(http_.sent_header(1, "Authorization"), "Bearer second");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unauthorized);
  EXPECT_EQ(refused.error().message.find("second"), std::string::npos);

  ASSERT_TRUE(write_file_atomically(token_, "two\nlines"));
  const auto broken = deliver(3);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Errc::invalid_config);
  EXPECT_EQ(broken.error().message.find("lines"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof::report
