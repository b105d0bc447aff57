#include "agent/repair.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "agent/codes.hpp"
#include "agent/resolve/ledger.hpp"
#include "tests/fakes/fake_chain_store.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kApp = "registry.test/app:1";
constexpr const char* kOther = "registry.test/other:1";

constexpr const char* kUnpacksTo = "containerd.io/uncompressed";  // the fake's unpack writes none

// Two proven images that share their bottom layer.
class RepairTest : public testing::Test {
 protected:
  void SetUp() override {
    rig.push_layers(kApp, {"base", "app", "top"});
    rig.push_layers(kOther, {"base", "other"});
    rig.require(kApp);
    rig.require(kOther);
    ASSERT_EQ(rig.run().verdict, Verdict::ready);
    rig.store.collect_garbage();
    clean = state();
    const std::vector<SnapshotFacts> snapshots = *chains.snapshots({});
    ASSERT_EQ(snapshots.size(), 4U);
    for (const SnapshotFacts& one : snapshots) {
      if (one.parent.empty()) base = one.name;
    }
  }

  // Everything that is kept, in words.
  std::vector<std::string> state() {
    std::vector<std::string> words = rig.store.lease_ids();
    for (const SnapshotFacts& one : *chains.snapshots({})) {
      if (one.committed) words.push_back(one.name + " on " + one.parent);
    }
    for (const auto& [name, record] : rig.store.images()) {
      words.push_back(name + " = " + record.target.digest.str());
    }
    for (const Digest& digest : blobs()) {
      std::string word = digest.str() + (rig.store.has_blob(digest) ? " is here" : " is not here");
      for (const auto& [key, value] : rig.store.blob_labels(digest)) {
        if (key != kUnpacksTo) word += " " + key + "=" + value;
      }
      words.push_back(word);
    }
    return words;
  }

  // That the image records lead to.
  std::vector<Digest> blobs() {
    std::vector<Digest> found;
    for (const auto& [name, record] : rig.store.images()) add(record.target.digest, found);
    return found;
  }
  void add(const Digest& digest, std::vector<Digest>& to) {
    if (std::ranges::find(to, digest) != to.end()) return;
    to.push_back(digest);
    for (const auto& [key, value] : rig.store.blob_labels(digest)) {
      if (key.starts_with("containerd.io/gc.ref.content")) add(*Digest::parse(value), to);
    }
  }

  Result<RepairReport> repair(bool dry_run = false, const std::string& name = kApp) {
    CycleConfig config = rig.config;
    std::erase_if(config.settings.images,
                  [&](const RequiredImage& image) { return image.reference != name; });
    Ports ports{rig.registry, rig.store, rig.runtime, rig.clock, [](const Progress&) {}};
    return nodeproof::repair(config, ports, chains, dry_run, {});
  }
  RepairOutcome outcome(bool dry_run = false, const std::string& name = kApp) {
    const auto report = repair(dry_run, name);
    EXPECT_TRUE(report) << report.error().message;
    return report ? report->outcome : RepairOutcome::unknown;
  }
  // Of the image with three.
  std::string top_layer() {
    const std::vector<SnapshotFacts> snapshots = *chains.snapshots({});
    for (const SnapshotFacts& one : snapshots) {
      const auto below = std::ranges::find(snapshots, one.parent, &SnapshotFacts::name);
      if (below != snapshots.end() && !below->parent.empty()) return one.name;
    }
    throw std::logic_error("no such layer");
  }
  Digest layer(std::size_t place) {
    for (const Digest& digest : blobs()) {
      const Labels labels = rig.store.blob_labels(digest);
      const auto found = labels.find("containerd.io/gc.ref.content.l." + std::to_string(place));
      if (found != labels.end() && labels.contains("containerd.io/gc.ref.content.l.2")) {
        return *Digest::parse(found->second);
      }
    }
    throw std::logic_error("no such layer");
  }

  CycleRig rig;
  FakeChainStore chains{rig.store};
  std::vector<std::string> clean;
  std::string base;
};

TEST_F(RepairTest, LeavesAWholeImageAsItIs) {
  rig.store.forget_log();
  EXPECT_EQ(outcome(), RepairOutcome::whole);
  EXPECT_EQ(state(), clean);
  EXPECT_EQ(rig.store.count("unpack"), 0U);
}

TEST_F(RepairTest, FetchesADamagedLayerAgain) {
  rig.store.replace_bytes(layer(1), "rotten");
  const auto said = repair(true);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->outcome, RepairOutcome::damaged);
  EXPECT_THAT(said->blobs, ElementsAre(layer(1).str()));
  EXPECT_EQ(said->findings[0].code, code::kContentCorrupt);
  EXPECT_EQ(said->findings[0].severity, Severity::warn);
  const auto done = repair();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome, RepairOutcome::repaired);
  EXPECT_EQ(done->proof->verdict, Verdict::ready);
  EXPECT_EQ(state(), clean);
}

TEST_F(RepairTest, ADryRunChangesNothing) {
  rig.store.forget_log();
  rig.damage("/content1");
  EXPECT_EQ(outcome(true), RepairOutcome::damaged);
  EXPECT_EQ(state(), clean);
  EXPECT_EQ(rig.store.count("remove"), 0U);
}

TEST_F(RepairTest, UnpacksFromTheDamagedLayerUp) {
  rig.damage("/content1");
  const auto done = repair();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome, RepairOutcome::repaired);
  EXPECT_THAT(done->layers, SizeIs(2));
  EXPECT_THAT(done->others, IsEmpty());
  EXPECT_EQ(state(), clean);
}

TEST_F(RepairTest, UnpacksTheImagesThatShareTheLayerToo) {
  rig.damage("/content");
  const auto done = repair();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome, RepairOutcome::repaired);
  EXPECT_THAT(done->others, ElementsAre(kOther));
  EXPECT_EQ(state(), clean);
}

TEST_F(RepairTest, MendsWhatContainerdRefusesToRemove) {
  const std::string top = top_layer();
  chains.miscount(*Digest::parse(top));
  rig.damage("/content2");
  EXPECT_EQ(outcome(), RepairOutcome::repaired);
  EXPECT_GT(rig.store.count("unpack " + top), 1U);
  EXPECT_EQ(state(), clean);
}

TEST_F(RepairTest, RefusesAChainInUseAndDoubtsIt) {
  rig.damage("/content");
  chains.add_container(
      {"c1",
       kOther,
       "c1-snapshot",
       {{"io.kubernetes.pod.name", "web"}, {"io.kubernetes.pod.namespace", "shop"}},
       "running"},
      *Digest::parse(base));
  const auto done = repair();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome, RepairOutcome::in_use);
  ASSERT_THAT(done->users, SizeIs(1));
  EXPECT_EQ(text_of(done->users[0]),
            "pod shop/web, container c1 (running, image registry.test/other:1)");
  EXPECT_EQ(state(), clean);
  const resolve::Ledger ledger(rig.config.state_dir / "ledger");
  EXPECT_EQ(ledger.find(kApp)->proof_key, "");
  chains.remove_containers();
  EXPECT_EQ(outcome(), RepairOutcome::repaired);
}

TEST_F(RepairTest, MendsBlobsOfAChainInUse) {
  rig.store.replace_bytes(layer(0), "rotten");
  chains.add_container({"c1", kApp, "c1-snapshot", {}, ""}, *Digest::parse(base));
  EXPECT_EQ(outcome(), RepairOutcome::repaired);
  EXPECT_EQ(state(), clean);
}

TEST_F(RepairTest, TakesNothingAwayThatTheRegistryDoesNotHave) {
  const Digest rotten = layer(1);
  rig.store.replace_bytes(rotten, "rotten");
  rig.damage("/content1");
  rig.registry.remove(rotten);
  EXPECT_EQ(outcome(), RepairOutcome::not_mended);
  EXPECT_TRUE(rig.store.has_blob(rotten));
  EXPECT_THAT(*chains.snapshots({}), SizeIs(4));
}

// A kill before every single change, and then another repair.
TEST_F(RepairTest, IsGoneOnWithWhereverItWasKilled) {
  unsigned kills = 0;
  for (bool killed = true; killed; ++kills) {
    ASSERT_LT(kills, 500U);
    rig.store.replace_bytes(layer(0), "rotten");
    rig.damage("/content");
    rig.store.die_after(kills);
    const auto first = repair();
    rig.store.die_after({});
    killed = !first || first->outcome != RepairOutcome::repaired;
    const auto second = repair();
    ASSERT_TRUE(second) << kills << ": " << second.error().message;
    EXPECT_THAT(second->outcome, testing::AnyOf(RepairOutcome::repaired, RepairOutcome::whole))
        << kills;
    ASSERT_EQ(state(), clean) << kills;
    EXPECT_EQ(outcome(false, kOther), RepairOutcome::whole) << kills;
  }
  EXPECT_GT(kills, 30U);
}

TEST_F(RepairTest, ACheckProvesWhatAKilledRepairLeft) {
  for (unsigned kills = 0; kills < 60; kills += 3) {
    rig.damage("/content");
    const unsigned removed = rig.store.count("remove snapshot");
    rig.store.die_after(kills);
    static_cast<void>(repair());
    rig.store.die_after({});
    rig.store.collect_garbage();
    const bool begun = rig.store.count("remove snapshot") > removed;
    rig.config.compare_all = true;
    const NodeReport report = rig.run();
    if (begun) {
      EXPECT_EQ(report.images[0].verdict, Verdict::ready) << kills;
    }
    EXPECT_NE(outcome(), RepairOutcome::not_mended) << kills;
    ASSERT_EQ(state(), clean) << kills;
  }
}

TEST_F(RepairTest, OfAnImageThatIsNotHereSaysSo) {
  rig.config.settings.images.clear();
  rig.require("registry.test/absent:1");
  const auto done = repair(false, "registry.test/absent:1");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::not_found);
}

}  // namespace
}  // namespace nodeproof
