#include "agent/smoke/clone3.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::smoke {
namespace {

TEST(Clone3, MakesNoProcessWhereItIsAllowed) {
  const std::string word = clone3_word(try_clone3());
  EXPECT_TRUE(word == "allowed" || word == "ENOSYS") << word;
}

TEST(Clone3, HasAWordForEachAnswer) {
  EXPECT_EQ(clone3_word(EINVAL), "allowed");
  EXPECT_EQ(clone3_word(ENOSYS), "ENOSYS");
  EXPECT_EQ(clone3_word(EPERM), "EPERM");
  EXPECT_EQ(clone3_word(0), "");
}

TEST(Clone3, IsKeptForTheBootAndTheRuntime) {
  const fakes::TempFolder folder;
  HostFacts host;
  host.boot_id = "one";
  host.runc = "runc 1.0.0~rc93";
  EXPECT_EQ(kept_clone3(folder.path(), host), "");
  keep_clone3(folder.path(), host, "EPERM");
  EXPECT_EQ(kept_clone3(folder.path(), host), "EPERM");
  keep_clone3(folder.path(), host, "");
  EXPECT_EQ(kept_clone3(folder.path(), host), "EPERM");
  HostFacts updated = host;
  updated.runc = "runc 1.1.5";
  EXPECT_EQ(kept_clone3(folder.path(), updated), "");
  host.boot_id = "two";
  EXPECT_EQ(kept_clone3(folder.path(), host), "");
}

TEST(Clone3, IsAWarningWhereThreadsAreRefusedOnly) {
  HostFacts host;
  for (const char* word : {"", "ENOSYS", "allowed"}) {
    host.clone3 = word;
    EXPECT_FALSE(threads_refused(host)) << word;
  }
  host.clone3 = "EPERM";
  const auto finding = threads_refused(host);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->severity, Severity::warn);
}

}  // namespace
}  // namespace nodeproof::smoke
