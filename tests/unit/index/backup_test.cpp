#include "agent/index/backup.hpp"

#include <set>

#include "agent/codes.hpp"
#include "agent/index/restore.hpp"
#include "common/crypto.hpp"
#include "tests/fakes/temp_folder.hpp"
#include "tests/unit/index/merge_tag.hpp"

namespace nodeproof::index {
namespace {

class Attested : public Merge {
 protected:
  Descriptor attest(const std::string& repository, const Descriptor& subject,
                    const std::string& word) {
    FakeImage made;
    made.platform = Platform{"unknown", "unknown", "", "", {}};
    made.layers = {{"{\"statement\":\"" + word + "\"}", "", "application/vnd.in-toto+json"}};
    made.entrypoint.clear();
    Descriptor attestation = hub.push_image(repository, made);
    attestation.annotations = {{"vnd.docker.reference.type", "attestation-manifest"},
                               {"vnd.docker.reference.digest", subject.digest.str()}};
    return attestation;
  }
};

TEST_F(Attested, ComeAlongFromAnotherRepository) {
  const Descriptor amd64 = hub.push_image("r.example/ci/build", image("amd64", "new"));
  const Descriptor attestation = attest("r.example/ci/build", amd64, "built");
  hub.push_index("r.example/ci/build:staging", {amd64, attestation});
  const ChangeReport report = run(request({"r.example/ci/build:staging"}));
  EXPECT_EQ(report.outcome, Outcome::done);
  EXPECT_FALSE(hub.bytes(kRepository, attestation.digest).empty());
  EXPECT_NE(report.steps[1].find("the attestation of linux/amd64"), std::string::npos);
}

TEST_F(Attested, AreKeptAndRestored) {
  const Descriptor attestation = attest(kRepository, old_arm64, "built");
  index = hub.push_index(kTag, {old_amd64, old_arm64, attestation});
  const auto kept =
      backup({hub, hub},
             {.image = reference(kTag), .file = {}, .helper_tags = true, .validation = {}}, {});
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->outcome, Outcome::done);
  EXPECT_EQ(hub.tagged("r.example/team/app:1-linux-arm64-attestation"), attestation.digest.str());
  const Backup file{
      kTag,
      {{std::string(media_type::kOciIndex), index.digest, index.size, {}, {}},
       hub.bytes(kRepository, index.digest)},
      {{old_amd64.digest.str(), "linux/amd64"}, {old_arm64.digest.str(), "linux/arm64"}}};
  hub.tag(kTag, old_amd64);
  for (const char* target : {kTag, "r.example/other/app:1"}) {
    const auto report =
        restore({hub, hub},
                {.target = reference(target), .backup = file, .drop = {}, .validation = {}}, {});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->outcome, Outcome::done) << to_table(*report);
    EXPECT_EQ(hub.tagged(target), index.digest.str());
  }
}

// ---- backup and restore: what the real registry does not show ----

class Kept : public Merge {
 protected:
  [[nodiscard]] Backup kept() const {
    return {kTag,
            {{std::string(media_type::kOciIndex), index.digest, index.size, {}, {}},
             hub.bytes(kRepository, index.digest)},
            {{old_amd64.digest.str(), "linux/amd64"}, {old_arm64.digest.str(), "linux/arm64"}}};
  }
};

TEST_F(Kept, ABackupReadsBackAsItWasWritten) {
  const Backup made = kept();
  const auto read = parse_backup(to_json(made));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->reference, made.reference);
  EXPECT_EQ(read->document.bytes, made.document.bytes);
  EXPECT_EQ(read->document.descriptor, made.document.descriptor);
  EXPECT_EQ(read->platforms, made.platforms);
}

TEST_F(Kept, AChangedBackupIsRefused) {
  std::string text = to_json(kept());
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    return parse_backup(other);
  };
  EXPECT_EQ(replaced("\\\"size\\\"", "\\\"Size\\\"").error().code, Errc::digest_mismatch);
  EXPECT_EQ(replaced("\"version\": 1", "\"version\": 2").error().code, Errc::unsupported);
  EXPECT_EQ(replaced("IndexBackup", "IndexReport").error().code, Errc::invalid_document);
  EXPECT_FALSE(parse_backup(text.substr(0, text.size() / 2)));
}

TEST_F(Kept, ATagThatMovesMeanwhileIsLeftAlone) {
  hub.tag(kTag, stage());
  const Descriptor theirs = hub.push_image(kRepository, image("amd64", "theirs"));
  hub.before_write = [&](const std::string&) { hub.tag(kTag, theirs); };
  const auto report = restore(
      {hub, hub}, {.target = reference(kTag), .backup = kept(), .drop = {}, .validation = {}}, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->outcome, Outcome::refused);
  EXPECT_EQ(report->findings.back().code, code::kTagMoved);
  EXPECT_EQ(hub.tagged(kTag), theirs.digest.str());
}

TEST_F(Kept, EachReferenceHasAFileOfItsOwn) {
  EXPECT_EQ(backup_file_name(reference("r.example:5000/team/app:1")),
            "r.example=5000+team+app=1.json");
  std::set<std::string> names;
  const std::string path(200, 'a');
  for (const std::string& name :
       {std::string("r.example/team/app:1"), std::string("r.example/team/app:1.2"),
        std::string("r.example/team-app:1"), std::string("r.example/team/app_1:1"),
        std::string("app:1"), std::string("[::1]:5000/app:1"), "r.example/" + path + ":1",
        "r.example/" + path + ":2", "r.example/app@" + index.digest.str()}) {
    const std::string file = backup_file_name(reference(name));
    EXPECT_TRUE(names.insert(file).second) << file;
    EXPECT_EQ(file.find_first_of("/: []"), std::string::npos) << file;
    EXPECT_LT(file.size(), 220U);
  }
}

TEST_F(Kept, ADamagedOrUnknownTagNeverTakesTheLastGoodBackupsPlace) {
  using State = KeptBackup::State;
  const fakes::TempFolder folder;
  const Reference tag = reference(kTag);
  const auto keep = [&] {
    const IndexReport report = validate(hub, tag, {}, {});
    auto kept = keep_backup(hub, {folder.path(), tag, report}, {});
    EXPECT_TRUE(kept) << kept.error().message;
    return kept ? *kept : std::nullopt;
  };
  hub.blob_fault = Error{Errc::throttled, "too many requests", "wait"};
  EXPECT_FALSE(keep());
  hub.blob_fault.reset();
  EXPECT_EQ(keep()->state, State::written);
  EXPECT_EQ(keep()->state, State::unchanged);
  hub.blob_fault = Error{Errc::throttled, "too many requests", "wait"};
  EXPECT_EQ(keep()->state, State::last_good);
  hub.blob_fault.reset();
  hub.remove_object(kRepository, old_amd64.digest);
  EXPECT_EQ(keep()->state, State::last_good);
  const auto backup = read_backup(folder.path() / backup_file_name(tag));
  ASSERT_TRUE(backup) << backup.error().message;
  EXPECT_EQ(backup->document.descriptor.digest, index.digest);
  EXPECT_EQ(backup->platforms.size(), 2U);
}

TEST_F(Kept, APartialLookKeepsNoBackup) {
  const fakes::TempFolder folder;
  const Reference tag = reference(kTag);
  const IndexReport report =
      validate(hub, tag, {.platforms = {{"linux", "amd64", "", "", {}}}}, {});
  ASSERT_EQ(report.verdict, IndexVerdict::whole);
  const auto kept = keep_backup(hub, {folder.path(), tag, report}, {});
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, Errc::usage);
  EXPECT_FALSE(read_backup(folder.path() / backup_file_name(tag)));
}

TEST_F(Kept, ARestoreIsSuggestedOnlyWhereItMendsTheTag) {
  const fakes::TempFolder folder;
  const Reference tag = reference(kTag);
  const auto remedy = [&] {
    const IndexReport report = validate(hub, tag, {}, {});
    EXPECT_NE(report.verdict, IndexVerdict::whole);
    auto kept = keep_backup(hub, {folder.path(), tag, report}, {});
    return kept && *kept ? (**kept).remedy : "no backup";
  };
  ASSERT_TRUE(keep_backup(hub, {folder.path(), tag, validate(hub, tag, {}, {})}, {}));
  const Descriptor bad = hub.push_image(kRepository, image("amd64", "bad"));
  hub.push_index(kTag, {bad, old_arm64});
  hub.remove_object(kRepository, bad.digest);
  EXPECT_EQ(remedy(), "nodeproof index restore --tag " + std::string(kTag) + " -f " +
                          (folder.path() / backup_file_name(tag)).string());
  // What the registry does not answer may be whole.
  hub.blob_fault = Error{Errc::throttled, "too many requests", "wait"};
  EXPECT_EQ(remedy(), "");
  hub.blob_fault.reset();
  // What the backup needs is gone, too.
  hub.remove_object(kRepository, old_arm64.digest);
  EXPECT_EQ(remedy(), "");
}

TEST_F(Kept, OfTheSameIndexBringsNothingBack) {
  const fakes::TempFolder folder;
  const Reference tag = reference(kTag);
  IndexReport report = validate(hub, tag, {}, {});
  ASSERT_TRUE(keep_backup(hub, {folder.path(), tag, report}, {}));
  report.verdict = IndexVerdict::damaged;  // found by a look into the programs
  const auto kept = keep_backup(hub, {folder.path(), tag, report}, {});
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((**kept).remedy, "");
  report.index_digest = "";  // the index alone has rotten
  report.findings.emplace_back().code = code::kContentCorrupt;
  EXPECT_TRUE(
      (**keep_backup(hub, {folder.path(), tag, report}, {})).remedy.ends_with(" --new-digest"));
}

TEST_F(Kept, AllHolesAreToldAtOnce) {
  hub.remove_object(kRepository, old_amd64.digest);
  hub.remove_object(kRepository, hash_of(as_bytes("old arm64")));
  const auto report = restore(
      {hub, hub},
      {.target = reference("r.example/team/app:2"), .backup = kept(), .drop = {}, .validation = {}},
      {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->outcome, Outcome::refused);
  ASSERT_EQ(report->findings.size(), 2U);
  EXPECT_EQ(report->findings[0].subject, "linux/amd64");
  EXPECT_EQ(report->findings[1].subject, "linux/arm64");
  EXPECT_TRUE(hub.writes().empty());
}

TEST_F(Kept, HelperTagsAreNamedAfterPlatforms) {
  Descriptor v7 = hub.push_image(kRepository, image("arm", "old"));
  v7.platform->variant = "v7";
  hub.push_index(kTag, {old_amd64, v7});
  const auto report =
      backup({hub, hub},
             {.image = reference(kTag), .file = {}, .helper_tags = true, .validation = {}}, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->outcome, Outcome::done);
  EXPECT_EQ(hub.tagged("r.example/team/app:1-linux-amd64"), old_amd64.digest.str());
  EXPECT_EQ(hub.tagged("r.example/team/app:1-linux-arm-v7"), v7.digest.str());
}

}  // namespace
}  // namespace nodeproof::index
