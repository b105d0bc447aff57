#include "agent/report/sink/sink_state.hpp"

#include <gtest/gtest.h>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::report {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr sys_seconds kNow{seconds(1'000'000)};

SinkState full() {
  SinkState state;
  state.counters = {"webhook", sys_seconds(seconds(42)), 1, 2, 3, 4, 5};
  state.receiver = "sha256:abc";
  state.since = kNow;
  state.attempts = 6;
  state.problem = "no route";
  state.done = true;
  state.retry_after = seconds(7);
  state.stopped = state.more = state.kept = true;
  state.memory = "what it has been told";
  return state;
}

class SinkStates : public ::testing::Test {
 protected:
  const fakes::TempFolder folder_;
};

TEST_F(SinkStates, AreReadAsTheyWereWritten) {
  ASSERT_TRUE(save_sink_state(folder_.path(), full()));
  EXPECT_EQ(load_sink_state(folder_.path(), "webhook", {}), full());
}

TEST_F(SinkStates, OneThatCannotBeReadIsAsOneThatNeverWas) {
  SinkState fresh;
  fresh.counters.sink = "webhook";
  fresh.since = kNow;
  EXPECT_EQ(load_sink_state(folder_.path(), "webhook", kNow), fresh);
  ASSERT_TRUE(save_sink_state(folder_.path(), full()));
  ASSERT_TRUE(write_file_atomically(folder_.path() / "sinks/webhook.json", "{"));
  EXPECT_EQ(load_sink_state(folder_.path(), "webhook", kNow), fresh);
}

TEST_F(SinkStates, AreCountedTogetherSinceTheFirst) {
  ASSERT_TRUE(save_sink_state(folder_.path(), full()));
  SinkState file = full();
  file.counters.sink = "file";
  file.since = kNow - seconds(5);
  ASSERT_TRUE(save_sink_state(folder_.path(), file));
  const AgentCounters counters = load_counters(folder_.path());
  EXPECT_EQ(counters.since, kNow - seconds(5));
  EXPECT_EQ(counters.sinks, (std::vector<SinkCounters>{file.counters, full().counters}));
}

TEST_F(SinkStates, OfSinksThatAreNotConfiguredAnyMoreGo) {
  ASSERT_TRUE(save_sink_state(folder_.path(), full()));
  SinkState file = full();
  file.counters.sink = "file";
  ASSERT_TRUE(save_sink_state(folder_.path(), file));
  SinkSetting stays;
  stays.name = "file";
  keep_sink_states(folder_.path(), {stays});
  EXPECT_EQ(load_counters(folder_.path()).sinks, std::vector<SinkCounters>{file.counters});
}

}  // namespace
}  // namespace nodeproof::report
