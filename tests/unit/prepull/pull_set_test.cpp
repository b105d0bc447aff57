#include "agent/prepull/pull_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <random>

#include "tests/unit/prepull/two_images.hpp"

namespace nodeproof::prepull {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Set : public TwoImages {};

TEST_F(Set, FetchesEachBlobOnceAndUnpacksEachChainOnce) {
  const auto pulled = pull_both();
  ASSERT_TRUE(pulled[0] && pulled[1]);
  expect_whole(one);
  expect_whole(two);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(rig.registry.requests(digest(one, i).str()), 1U);
    EXPECT_EQ(rig.observations.of(digest(one, i)).made, 1U);
    EXPECT_EQ(rig.store.count("unpack " + chain_ids(one.config.diff_ids)[i].str()), 1U);
  }
  EXPECT_EQ(rig.registry.blob_bytes_sent(), kBase + 50'000U + 70'000U + 20'000U);
  EXPECT_EQ(pulled[0]->stats.downloaded_bytes + pulled[1]->stats.downloaded_bytes,
            rig.registry.blob_bytes_sent());
}

TEST_F(Set, EachImageIsHeldByItsOwnLease) {
  const auto pulled = pull_both();
  ASSERT_TRUE(pulled[0] && pulled[1]);
  EXPECT_THAT(rig.store.lease_ids(),
              UnorderedElementsAre(lease_id_for(one.reference), lease_id_for(two.reference)));
  ASSERT_TRUE(release(rig.store, pulled[0]->lease));
  expect_whole(two);
  EXPECT_FALSE(rig.store.has_blob(digest(one, 2)));
  ASSERT_TRUE(release(rig.store, pulled[1]->lease));
  EXPECT_FALSE(rig.store.has_blob(digest(two, 0)));
  EXPECT_FALSE(rig.store.has_chain(top(two)));
}

// A lease found with more than half of its life left is not replaced, and one that expires is
// dropped in the middle of a pull.
TEST_F(Set, ALeaseOutlivesASetOfThreeDays) {
  ASSERT_TRUE(pull_both()[0]);
  EXPECT_GE(rig.store.shortest_lease() / 2, std::chrono::hours(72));
}

TEST_F(Set, HandsAnImageOutWhileAnotherGoesOn) {
  std::latch first_is_out(1);
  const LayerObserverFactory observers = [&](const ObservedLayer& layer) {
    if (layer.blob.digest == digest(two, 2)) first_is_out.wait();
    return std::unique_ptr<LayerObserver>();
  };
  PullSet set(both(), {rig.registry, rig.store, observers, rig.progress}, rig.options, {});
  EXPECT_TRUE(set.wait(0));
  EXPECT_FALSE(rig.store.has_blob(digest(two, 2)));
  first_is_out.count_down();
  EXPECT_TRUE(set.wait(1));
}

TEST_F(Set, GivesTheSameAnswerAgain) {
  rig.registry.remove(digest(two, 2));
  PullSet set(both(), ports(), rig.options, {});
  EXPECT_EQ(set.wait(0)->lease, set.wait(0)->lease);
  EXPECT_EQ(set.wait(1).error(), set.wait(1).error());
}

// A base that was compressed anew when it went to another registry: one chain of two blobs.
TEST_F(Set, AnImageOnARecompressedBaseDoesNotWaitForTheOneThatFailed) {
  const auto of = [&](const std::string& name, const std::string& compressed) {
    FakeImage image = image_with_layers({base[0], own1});
    image.layers[0] = {compressed, base[0], image.layers[0].media_type};
    return push_resolved(rig.registry, "registry.test/team/" + name + ":1", image);
  };
  const ResolvedImage good = of("good", base[0]);
  const ResolvedImage smaller = of("smaller", base[0].substr(1));
  const ResolvedImage larger = of("larger", base[0] + "x");
  rig.registry.remove(digest(smaller, 0));
  rig.registry.remove(digest(larger, 0));
  PullSet set({{smaller, {}, {}}, {good, {}, {}}, {larger, {}, {}}}, ports(), rig.options, {});
  EXPECT_FALSE(set.wait(0));
  EXPECT_TRUE(set.wait(1));
  EXPECT_FALSE(set.wait(2));
  expect_whole(good);
}

TEST_F(Set, OneImagesFailureIsItsOwn) {
  rig.registry.remove(digest(two, 2));
  const auto pulled = pull_both();
  ASSERT_TRUE(pulled[0]) << pulled[0].error().message;
  expect_whole(one);
  ASSERT_FALSE(pulled[1]);
  EXPECT_EQ(pulled[1].error().code, Errc::not_found);
  EXPECT_THAT(pulled[1].error().message, HasSubstr("team/two:1"));
  EXPECT_THAT(pulled[1].error().message, HasSubstr(digest(two, 2).str()));
}

TEST_F(Set, ASharedBlobsFailureIsToldOfEachImageInItsOwnWords) {
  rig.registry.remove(digest(one, 0));
  const auto pulled = pull_both();
  ASSERT_FALSE(pulled[0] || pulled[1]);
  EXPECT_THAT(pulled[0].error().message, HasSubstr("pulling registry.test/team/one:1"));
  EXPECT_THAT(pulled[1].error().message, HasSubstr("pulling registry.test/team/two:1"));
  for (const auto& one_of_them : pulled) {
    EXPECT_THAT(one_of_them.error().message, HasSubstr(digest(one, 0).str()));
  }
}

TEST_F(Set, AsksTheOtherImagesRepositoryForABlobThatOneRefuses) {
  rig.registry.fail_with(digest(one, 0).str(), {Errc::unauthorized, "no pull for you", {}}, 1);
  const auto pulled = pull_both();
  ASSERT_FALSE(pulled[0]);
  EXPECT_EQ(pulled[0].error().code, Errc::unauthorized);
  ASSERT_TRUE(pulled[1]) << pulled[1].error().message;
  expect_whole(two);
}

TEST_F(Set, ASharedChainThatDoesNotUnpackFailsBoth) {
  const Digest chain = chain_ids(one.config.diff_ids)[1];
  rig.store.fail_with("unpack " + chain.str(), {Errc::corrupt, "not a tar", {}});
  const auto pulled = pull_both();
  ASSERT_FALSE(pulled[0] || pulled[1]);
  EXPECT_EQ(rig.store.count("unpack " + chain.str()), 1U);
}

TEST_F(Set, ADamagedLayerTakesNothingFromTheOtherImage) {
  rig.registry.replace_bytes(digest(one, 2), layer_bytes(70'000, 'x'));
  const auto pulled = pull_both();
  ASSERT_FALSE(pulled[0]);
  EXPECT_EQ(pulled[0].error().code, Errc::digest_mismatch);
  ASSERT_TRUE(pulled[1]) << pulled[1].error().message;
  EXPECT_THAT(rig.store.lease_ids(), ElementsAre(pulled[1]->lease));
  rig.store.collect_garbage();
  expect_whole(two);
}

TEST_F(Set, AnImageOfABadShapeFailsAlone) {
  one.config.diff_ids.pop_back();
  const auto pulled = pull_both();
  ASSERT_FALSE(pulled[0]);
  EXPECT_EQ(pulled[0].error().code, Errc::invalid_document);
  EXPECT_TRUE(pulled[1]);
}

TEST_F(Set, AnImageWithoutALeaseFailsAlone) {
  rig.store.fail_with("lease " + lease_id_for(one.reference), {Errc::io, "no lease", {}});
  const auto pulled = pull_both();
  EXPECT_FALSE(pulled[0]);
  EXPECT_TRUE(pulled[1]);
}

TEST_F(Set, ManifestsComeAfterAllThatTheyHold) {
  ASSERT_TRUE(pull_both()[1]);
  const auto log = rig.store.log();
  const auto at = [&](const std::string& line) {
    return std::ranges::find(log, line) - log.begin();
  };
  EXPECT_LT(at("unpack " + top(two).str()), at("commit " + two.document.config.digest.str()));
  EXPECT_LT(at("commit " + two.document.config.digest.str()),
            at("commit " + two.manifest.digest.str()));
}

TEST_F(Set, CountsASharedLayerForEachImageAndOnceInAll) {
  ASSERT_TRUE(pull_both()[0]);
  const std::uint64_t all = kBase + 50'000 + 70'000 + 20'000;
  const auto complete = [&](const ResolvedImage& image, std::uint64_t bytes) {
    return std::ranges::any_of(rig.reports, [&](const Progress& p) {
      return p.phase == Phase::pull && p.image == image.reference.name() && p.done == bytes &&
             p.total == bytes && p.all_total == all;
    });
  };
  EXPECT_TRUE(complete(one, kBase + 50'000 + 70'000));
  EXPECT_TRUE(complete(two, kBase + 50'000 + 20'000));
  EXPECT_TRUE(std::ranges::any_of(rig.reports, [&](const Progress& p) {
    return p.all_done == all && p.all_pace.left == std::chrono::seconds(0);
  }));
}

TEST_F(Set, SaysAgainHowItGoesWhenNothingComes) {
  std::latch said_again(1);
  std::atomic<unsigned> first_layer_done = 0;
  const ProgressSink progress = [&](const Progress& report) {
    if (report.phase == Phase::pull && report.done == kBase && ++first_layer_done == 2) {
      said_again.count_down();
    }
  };
  const LayerObserverFactory observers = [&](const ObservedLayer& layer) {
    if (layer.blob.digest == digest(one, 1)) said_again.wait();
    return std::unique_ptr<LayerObserver>();
  };
  rig.options.parallel = 1;
  PullSet set({{one, {}, {}}}, {rig.registry, rig.store, observers, progress}, rig.options, {});
  EXPECT_TRUE(set.wait(0));
}

// ---- stop and kill
TEST_F(Set, AStopEndsAllImagesSoonAndKeepsTheirLeases) {
  rig.options.bandwidth = 1;  // it would take days
  std::stop_source stop;
  PullSet set(both(), ports(), rig.options, stop.get_token());
  const auto begin = std::chrono::steady_clock::now();
  stop.request_stop();
  EXPECT_EQ(set.wait(0).error().code, Errc::cancelled);
  EXPECT_EQ(set.wait(1).error().code, Errc::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(rig.store.lease_ids().size(), 2U);
}

TEST_F(Set, StoppedBeforeItBeginsItFetchesNothing) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(pull_both(stop.get_token())[1].error().code, Errc::cancelled);
  EXPECT_EQ(rig.registry.blob_bytes_sent(), 0U);
}

TEST_F(Set, LeftAloneItEndsSoon) {
  rig.options.bandwidth = 1;
  const auto begin = std::chrono::steady_clock::now();
  {
    const PullSet set(both(), ports(), rig.options, {});
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(Set, KilledAtAnyStepTheNextRunConverges) {
  rig.options.parallel = 2;
  unsigned killed = 0;
  for (unsigned step = 0;; ++step, ++killed) {
    PullRig fresh;
    const PullPorts ports{rig.registry, fresh.store, fresh.observers, fresh.progress};
    const auto pull = [&] {
      PullSet set(both(), ports, rig.options, {});
      return set.wait(0) && set.wait(1);
    };
    fresh.store.die_after(step);
    const bool survived = pull();
    fresh.store.die_after(std::nullopt);
    if (survived) break;
    const auto before = rig.registry.blob_bytes_sent();
    ASSERT_TRUE(pull()) << "killed at operation " << step;
    EXPECT_LE(rig.registry.blob_bytes_sent() - before, kBase + 140'000U);
    for (const ResolvedImage* image : {&one, &two}) {
      EXPECT_TRUE(fresh.store.has_chain(top(*image)));
      EXPECT_TRUE(fresh.store.has_blob(image->manifest.digest));
      for (const Descriptor& layer : image->document.layers) {
        EXPECT_THAT(fresh.store.ingest(layer.digest), IsEmpty()) << step;
      }
    }
    EXPECT_EQ(fresh.store.lease_ids().size(), 2U) << step;
  }
  EXPECT_GT(killed, 40U);
}

// ---- the bandwidth cap
TEST_F(Set, ACapHoldsUpNoImageThatMayNotWait) {
  rig.options.bandwidth = 1;
  std::vector<WantedImage> images = both();
  for (WantedImage& image : images) image.may_wait = false;
  PullSet set(std::move(images), ports(), rig.options, {});
  EXPECT_TRUE(set.wait(0));
  EXPECT_TRUE(set.wait(1));
}

class Capped : public Set {
 protected:
  void SetUp() override {
    rig.options.bandwidth = 100'000'000;
    rig.options.slice = rig.options.gap = std::chrono::milliseconds(0);
  }
};

TEST_F(Capped, LetsGoOfTheRefNowAndThenAndGoesOnWhereItWas) {
  ASSERT_TRUE(pull_both()[0]);
  EXPECT_GT(rig.store.count("close " + digest(one, 0).str()), 3U);
  EXPECT_EQ(rig.registry.requests(digest(one, 0).str()), 1U) << "the download itself goes on";
  const auto seen = rig.observations.of(digest(one, 0));
  EXPECT_TRUE(seen.bytes == base[0]);
  EXPECT_EQ(seen.made, 1U);
  expect_whole(one);
}

TEST_F(Capped, TakesOverWhatAKubeletFetchedMeanwhile) {
  rig.store.taken_when_closed(digest(one, 0), base[0]);
  const auto pulled = pull_both();
  ASSERT_TRUE(pulled[0] && pulled[1]);
  EXPECT_LT(rig.registry.blob_bytes_sent(), kBase) << "the rest was not fetched twice";
  EXPECT_TRUE(rig.observations.of(digest(one, 0)).bytes == base[0]);
  EXPECT_EQ(rig.observations.of(digest(one, 0)).finished, 1U);
  rig.store.collect_garbage();
  expect_whole(one);
}

TEST_F(Capped, GoesOnBehindWhatAKubeletLeftUnfinished) {
  rig.store.taken_when_closed(digest(one, 0), base[0].substr(0, 200'000));
  ASSERT_TRUE(pull_both()[0]);
  EXPECT_TRUE(rig.observations.of(digest(one, 0)).bytes == base[0]);
  expect_whole(one);
}

// containerd hashes what the kubelet wrote; what the registry sent in its place is in no blob.
TEST_F(Capped, ObservesWhatIsStoredNotWhatCameInItsPlace) {
  std::string damaged = base[0];
  damaged.replace(100'000, 100, 100, '!');
  rig.registry.replace_bytes(digest(one, 0), damaged);
  rig.store.taken_when_closed(digest(one, 0), base[0].substr(0, 200'000), 2);
  ASSERT_TRUE(pull_both()[0]);
  const auto seen = rig.observations.of(digest(one, 0));
  EXPECT_TRUE(seen.bytes == base[0]);
  EXPECT_EQ(seen.finished, 1U);
  expect_whole(one);
}

TEST_F(Capped, BeginsAnewWhereSomebodyHasDroppedTheIngest) {
  rig.store.taken_when_closed(digest(one, 0), base[0].substr(0, 10), 4);
  ASSERT_TRUE(pull_both()[0]);
  EXPECT_EQ(rig.registry.requests(digest(one, 0).str()), 2U);
  EXPECT_TRUE(rig.observations.of(digest(one, 0)).bytes == base[0]);
  expect_whole(one);
}

// ---- many
TEST_F(Set, PullsManyImagesOfRandomLayers) {
  std::minstd_rand random(7);
  std::vector<std::string> pool;
  for (char c = 'A'; c < 'M'; ++c) pool.push_back(layer_bytes(1000 + random() % 60'000, c));
  std::vector<ResolvedImage> images;
  std::set<std::string> distinct;
  for (int i = 0; i < 12; ++i) {
    std::vector<std::string> layers;
    for (std::size_t n = 1 + random() % 6; n > 0; --n)
      layers.push_back(pool[random() % pool.size()]);
    images.push_back(push_resolved(rig.registry, "registry.test/many" + std::to_string(i) + ":1",
                                   image_with_layers(layers)));
  }
  std::vector<WantedImage> wanted;
  for (const ResolvedImage& image : images) {
    wanted.push_back({image, {}, {}});
    for (const Descriptor& layer : image.document.layers) distinct.insert(layer.digest.str());
  }
  rig.options.parallel = 4;
  rig.options.unpacks = 3;
  PullSet set(std::move(wanted), ports(), rig.options, {});
  for (std::size_t i = images.size(); i > 0; --i) {
    const auto pulled = set.wait(i - 1);
    ASSERT_TRUE(pulled) << pulled.error().message;
    expect_whole(images[i - 1]);
  }
  for (const std::string& layer : distinct) EXPECT_EQ(rig.registry.requests(layer), 1U);
}

// ---- paced commits
// Notices when two are committed at the same time.
class CommitWatch final : public BlobWriter {
 public:
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    unsigned inside = 0;
    bool met = false;
  };
  explicit CommitWatch(Shared& shared) : shared_(shared) {}
  [[nodiscard]] std::uint64_t offset() const override { return 2 << 20; }
  Result<> write(Bytes) override { return {}; }
  Result<> close() override { return {}; }
  Result<> abort() override { return {}; }
  Result<> commit(const Labels&) override {
    std::unique_lock lock(shared_.mutex);
    if (++shared_.inside > 1) shared_.met = true;
    shared_.changed.notify_all();
    shared_.changed.wait_for(lock, std::chrono::milliseconds(200), [&] { return shared_.met; });
    --shared_.inside;
    return {};
  }

 private:
  Shared& shared_;
};

bool commits_meet(PullRig& rig, std::mutex* gate) {
  const ResolvedImage image =
      push_resolved(rig.registry, "registry.test/large:1", image_with_layers({"x"}));
  Descriptor blob = image.document.layers[0];
  blob.size = 2 << 20;
  const std::string lease;
  const Source source{rig.registry, rig.store, image.reference, blob, lease};
  Passage passage;
  passage.commits = gate;
  CommitWatch::Shared shared;
  const auto commit = [&] {
    Download download(source, passage, std::make_unique<CommitWatch>(shared), nullptr);
    EXPECT_TRUE(download.commit({}));
  };
  {
    const std::jthread first(commit), second(commit);
  }
  return shared.met;
}

TEST(Paced, LargeBlobsAreCommittedOneAtATime) {
  PullRig rig;
  std::mutex gate;
  EXPECT_FALSE(commits_meet(rig, &gate));
}

TEST(Paced, NotWhereContainerdDoesNotMind) {
  PullRig rig;
  EXPECT_TRUE(commits_meet(rig, nullptr));
}

}  // namespace
}  // namespace nodeproof::prepull
