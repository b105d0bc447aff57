#include "agent/resolve/ledger.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "common/crypto.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::resolve {
namespace {

namespace fs = std::filesystem;

Digest digest(char digit) { return *Digest::parse("sha256:" + std::string(64, digit)); }

ProvenImage proven(const std::string& name) {
  const Platform platform{"linux", "arm64", "v8", "1", {"f"}};
  return {name,
          Descriptor{std::string(media_type::kOciIndex), digest('1'), 10, {}, {}},
          Descriptor{std::string(media_type::kOciManifest), digest('2'), 20, platform, {}},
          "key",
          "2026-11-21T10:00:00Z",
          {{{"starts", SmokeOutcome::passed, 0, "", 0.5, "ab", ""}},
           {{"NotExecuted", Severity::info, "/app", "", "m", "e", "r"}}}};
}

class LedgerTest : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path only_file() const {
    return fs::directory_iterator(dir_ / "ledger")->path();
  }
  const fakes::TempFolder folder_;
  const fs::path& dir_ = folder_.path();
};

TEST_F(LedgerTest, TellsAnAbsentRecordFromAnAbsentLedger) {
  const auto nowhere = Ledger(dir_ / "nowhere").look_up("a:1");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Errc::not_found);
  const auto no_record = Ledger(dir_).look_up("a:1");
  ASSERT_TRUE(no_record) << no_record.error().message;
  EXPECT_FALSE(*no_record);
}

TEST_F(LedgerTest, FindsWhatItRecorded) {
  const Ledger ledger(dir_ / "ledger");
  EXPECT_FALSE(ledger.find("a"));
  ASSERT_TRUE(ledger.record(proven("a")));
  ASSERT_TRUE(ledger.record(proven("b")));
  EXPECT_EQ(Ledger(dir_ / "ledger").find("a"), proven("a"));
  EXPECT_FALSE(ledger.find("c"));
}

TEST_F(LedgerTest, KeepsWhatTheIndexOffered) {
  const Ledger ledger(dir_ / "ledger");
  ProvenImage image = proven("a");
  image.offered = {{"linux", "arm64", "v8", "", {}}, {"linux", "amd64", "", "", {"gpu"}}};
  ASSERT_TRUE(ledger.record(image));
  EXPECT_EQ(ledger.find("a"), image);
}

TEST_F(LedgerTest, KeepsWhatWasFoundAndWhatTheRegistrySaid) {
  const Ledger ledger(dir_ / "ledger");
  ProvenImage image = proven("a");
  image.choice = "linux/arm64 is this host's platform";
  image.found = {{"LoaderMissing", Severity::warn, "/app", "sha256:1", "m", "e", "r"}};
  image.word = {Freshness::stale, {{"TagMoved", Severity::warn, "a", "", "moved", "", ""}}};
  image.credentials = "/root/.docker/config.json";
  image.shape = ProvenShape{"linux/arm64/v8", digest('3'), 12345, 7};
  ASSERT_TRUE(ledger.record(image));
  EXPECT_EQ(ledger.find("a"), image);
}

TEST_F(LedgerTest, KeepsTheDocumentsThatItsRecordNames) {
  const Ledger ledger(dir_ / "ledger");
  const std::string index = R"({"manifests":[]})";
  const std::string manifest = R"({"layers":[]})";
  const Descriptor of_index{"", hash_of(as_bytes(index)), index.size(), {}, {}};
  const Descriptor of_manifest{"", hash_of(as_bytes(manifest)), manifest.size(), {}, {}};
  const ResolvedImage image{.reference = *Reference::parse("r.example/app:1"),
                            .index = of_index,
                            .index_bytes = index,
                            .manifest = of_manifest,
                            .manifest_bytes = manifest,
                            .document = {"", of_manifest, {}},
                            .config_bytes = {},
                            .config = {},
                            .available = {},
                            .choice = {},
                            .findings = {}};
  ASSERT_TRUE(ledger.keep_documents(image));
  ProvenImage record = proven("r.example/app:1");
  EXPECT_FALSE(ledger.index_bytes(record)) << "another record's";
  EXPECT_FALSE(ledger.manifest_bytes(record));
  record.index = image.index;
  record.manifest = image.manifest;
  EXPECT_EQ(ledger.index_bytes(record), index);
  EXPECT_EQ(ledger.manifest_bytes(record), manifest);
  record.index.reset();
  EXPECT_FALSE(ledger.index_bytes(record));
}

TEST_F(LedgerTest, KeepsASingleManifestWithoutIndexAndPlatform) {
  const Ledger ledger(dir_ / "ledger");
  ProvenImage single = proven("a");
  single.index.reset();
  single.manifest.platform.reset();
  ASSERT_TRUE(ledger.record(single));
  EXPECT_EQ(ledger.find("a"), single);
}

TEST_F(LedgerTest, TheLastRecordCounts) {
  const Ledger ledger(dir_ / "ledger");
  ASSERT_TRUE(ledger.record(proven("a")));
  ProvenImage next = proven("a");
  next.manifest.digest = digest('3');
  ASSERT_TRUE(ledger.record(next));
  EXPECT_EQ(ledger.find("a"), next);
}

TEST_F(LedgerTest, AnUnchangedRecordWritesNothing) {
  const Ledger ledger(dir_ / "ledger");
  ASSERT_TRUE(ledger.record(proven("a")));
  const auto before = fs::last_write_time(dir_ / "ledger");
  ASSERT_TRUE(ledger.record(proven("a")));
  EXPECT_EQ(fs::last_write_time(dir_ / "ledger"), before);
}

TEST_F(LedgerTest, ATornFileIsNoRecord) {
  const Ledger ledger(dir_ / "ledger");
  ASSERT_TRUE(ledger.record(proven("a")));
  const std::string whole = *read_file(only_file());
  for (std::size_t length = 0; length + 2 < whole.size(); length += 7) {
    std::ofstream(only_file(), std::ios::trunc) << whole.substr(0, length);
    EXPECT_FALSE(ledger.find("a")) << length;
  }
  ASSERT_TRUE(ledger.record(proven("a")));
  EXPECT_TRUE(ledger.find("a"));
}

TEST_F(LedgerTest, ATornRecordLosesNoMoreThanItself) {
  const Ledger ledger(dir_ / "ledger");
  ASSERT_TRUE(ledger.record(proven("a")));
  const fs::path file = only_file();
  ProvenImage later = proven("a");
  later.boot = "another";
  ASSERT_TRUE(ledger.record(later));
  EXPECT_EQ(ledger.find("a"), later);
  std::ofstream(file, std::ios::trunc) << "{\"version\": 1, \"na";
  EXPECT_EQ(ledger.find("a"), proven("a"));
}

TEST_F(LedgerTest, ATornRecordBringsNoProofBackThatWasTakenAway) {
  const Ledger ledger(dir_ / "ledger");
  ASSERT_TRUE(ledger.record(proven("a")));
  const fs::path file = only_file();
  ProvenImage doubted = proven("a");
  doubted.boot = "another";
  ASSERT_TRUE(ledger.record(doubted));
  doubted.proof_key.clear();
  ASSERT_TRUE(ledger.record(doubted));
  EXPECT_EQ(ledger.find("a"), doubted);
  std::ofstream(file, std::ios::trunc) << "{\"version\": 1, \"na";
  EXPECT_FALSE(ledger.find("a"));
}

TEST_F(LedgerTest, AFileOfAnotherNameOrVersionIsNoRecord) {
  const Ledger ledger(dir_ / "ledger");
  ASSERT_TRUE(ledger.record(proven("a")));
  std::string text = *read_file(only_file());
  text.replace(text.find("\"a\""), 3, "\"b\"");
  ASSERT_TRUE(write_file_atomically(only_file(), text));
  EXPECT_FALSE(ledger.find("a"));
  ASSERT_TRUE(ledger.record(proven("a")));
  text = *read_file(only_file());
  text.replace(text.find("\"version\": 1"), 12, "\"version\": 2");
  ASSERT_TRUE(write_file_atomically(only_file(), text));
  EXPECT_FALSE(ledger.find("a"));
}

TEST_F(LedgerTest, NamesCannotLeaveTheDirectory) {
  const Ledger ledger(dir_ / "ledger");
  ASSERT_TRUE(ledger.record(proven("../../etc/passwd")));
  EXPECT_TRUE(ledger.find("../../etc/passwd"));
  EXPECT_EQ(only_file().parent_path(), dir_ / "ledger");
}

}  // namespace
}  // namespace nodeproof::resolve
