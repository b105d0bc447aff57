#include "agent/registry/turns.hpp"

#include <gtest/gtest.h>

#include "common/crypto.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace nodeproof::registry {
namespace {

Host host(const std::string& name, const std::string& stands_for = "r.example") {
  return {.name = name,
          .api = *parse_http_url("https://" + name + "/v2"),
          .repository = "a",
          .stands_for = stands_for};
}

class TurnsTest : public testing::Test {
 protected:
  [[nodiscard]] std::string order(const Digest* asked = nullptr) const {
    std::string names;
    for (const Host& each : memory.ordered(hosts, asked)) names += each.name + " ";
    return names;
  }

  fakes::FakeClock clock;
  HostMemory memory{clock};
  const Host one = host("one.lan"), two = host("two.lan"), itself = host("r.example", "");
  const std::vector<Host> hosts{one, two, itself};
  const Digest blob = hash_of(as_bytes("blob"));
  const Digest other = hash_of(as_bytes("other"));
};

TEST_F(TurnsTest, WhoCouldNotBeReachedRestsForAMinute) {
  struct Case {
    Errc code;
    const char* order;
  };
  const Case cases[] = {{Errc::unreachable, "two.lan r.example one.lan "},
                        {Errc::timeout, "two.lan r.example one.lan "},
                        {Errc::not_found, "one.lan two.lan r.example "},
                        {Errc::server_error, "one.lan two.lan r.example "}};
  for (const Case& item : cases) {
    memory.failed(one, {item.code, "", ""});
    EXPECT_EQ(order(), item.order) << to_string(item.code);
    clock.advance(std::chrono::seconds(61));
    EXPECT_EQ(order(), "one.lan two.lan r.example ");
  }
}

TEST_F(TurnsTest, TheRegistryComesBeforeItsMirrorsWhereAllRest) {
  for (const Host& each : hosts) memory.failed(each, {Errc::unreachable, "", ""});
  EXPECT_EQ(order(), "r.example one.lan two.lan ");
}

TEST_F(TurnsTest, WhoDeliveredABadCopyIsAskedLastForThatBlobOnly) {
  memory.delivered(one, blob);
  EXPECT_EQ(order(&blob), "one.lan two.lan r.example ");
  memory.distrust(blob);
  EXPECT_EQ(order(&blob), "two.lan r.example one.lan ");
  EXPECT_EQ(order(&other), "one.lan two.lan r.example ");
  EXPECT_EQ(order(), "one.lan two.lan r.example ");
  memory.distrust(other);  // nobody delivered it
}

TEST_F(TurnsTest, TheFirstAnswerCounts) {
  std::string asked;
  const auto answer =
      ask_in_turn(hosts, memory, [&](const Host& each, bool is_last) -> Result<int> {
        asked += each.name + (is_last ? "! " : " ");
        if (each.name != "two.lan") return fail(Errc::not_found, "not here");
        return 5;
      });
  EXPECT_EQ(answer.value_or(0), 5);
  EXPECT_EQ(asked, "one.lan two.lan ");
}

TEST_F(TurnsTest, WhenAllFailTheRegistrysErrorIsTheOneAndNamesTheOthers) {
  for (const auto& ways : {hosts, std::vector<Host>{itself, two, one}}) {
    const auto answer = ask_in_turn(ways, memory, [&](const Host& each, bool) -> Result<int> {
      if (each.stands_for.empty()) return fail(Errc::not_found, "no such tag", "push it");
      return fail(Errc::unauthorized, "login wanted", "log in");
    });
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::not_found);
    EXPECT_EQ(answer.error().remedy, "push it");
    EXPECT_TRUE(answer.error().message.starts_with("no such tag")) << answer.error().message;
    for (const char* words :
         {"; its mirror one.lan:443: login wanted", "; its mirror two.lan:443"}) {
      EXPECT_NE(answer.error().message.find(words), std::string::npos) << answer.error().message;
    }
  }
}

TEST_F(TurnsTest, AStopEndsItAtOnce) {
  int asked = 0;
  const auto answer = ask_in_turn(hosts, memory, [&](const Host&, bool) -> Result<int> {
    ++asked;
    return fail(Errc::cancelled, "stopped");
  });
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(answer.error(), (Error{Errc::cancelled, "stopped", ""}));
}

}  // namespace
}  // namespace nodeproof::registry
