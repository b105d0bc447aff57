#include "agent/smoke/stop_signal.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace nodeproof::smoke {
namespace {

TEST(StopSignal, IsReadAsContainerEnginesReadIt) {
  EXPECT_EQ(stop_signal(""), SIGTERM);
  EXPECT_EQ(stop_signal("SIGQUIT"), SIGQUIT);
  EXPECT_EQ(stop_signal("winch"), SIGWINCH);
  EXPECT_EQ(stop_signal("2"), SIGINT);
  EXPECT_EQ(stop_signal("SIGRTMIN+3"), 37);
  EXPECT_EQ(stop_signal("RTMIN"), 34);
  EXPECT_EQ(stop_signal("SIGRTMAX-14"), 50);
}

TEST(StopSignal, IsTermWhereItNamesNone) {
  for (const char* name : {"SIGNONE", "0", "65", "-1", "9x", "SIG", "SIGRTMIN+31", "SIGRTMIN+x",
                           "SIGRTMAX+1", "SIGRTMIN-1", "RTMIN3", "SIGRTMIN+99999999999"}) {
    EXPECT_EQ(stop_signal(name), SIGTERM) << name;
  }
}

}  // namespace
}  // namespace nodeproof::smoke
