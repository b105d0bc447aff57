#include "agent/prepull/plan.hpp"

#include <gtest/gtest.h>

#include "common/crypto.hpp"

namespace nodeproof::prepull {
namespace {

Descriptor layer(std::string_view name, std::uint64_t size) {
  return {"application/vnd.oci.image.layer.v1.tar+gzip", hash_of(as_bytes(name)), size, {}, {}};
}

TEST(Plan, DownloadsAndUnpacksWhatIsNotThere) {
  const PullPlan made = plan({layer("a", 10), layer("b", 20)}, {{}, {}});
  EXPECT_EQ(made.jobs, (std::vector<BlobJob>{{0, Need::download}, {1, Need::download}}));
  EXPECT_EQ(made.unpack, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(made.download_bytes, 30U);
}

TEST(Plan, HoldsStoredLayersAndLeavesUnpackedOnes) {
  const PullPlan made = plan({layer("a", 10), layer("b", 20), layer("c", 30)},
                             {{.unpacked = true, .stored = false},
                              {.unpacked = false, .stored = true},
                              {.unpacked = false, .stored = false}});
  EXPECT_EQ(made.jobs,
            (std::vector<BlobJob>{{0, Need::nothing}, {1, Need::hold}, {2, Need::download}}));
  EXPECT_EQ(made.unpack, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(made.download_bytes, 30U);
}

TEST(Plan, FetchesALayerOnceThatOccursTwice) {
  const PullPlan made = plan({layer("a", 10), layer("b", 20), layer("a", 10)}, {{}, {}, {}});
  EXPECT_EQ(made.jobs.size(), 2U);
  EXPECT_EQ(made.job_of, (std::vector<std::size_t>{0, 1, 0}));
  EXPECT_EQ(made.unpack.size(), 3U);
  EXPECT_EQ(made.download_bytes, 30U);
}

TEST(Plan, FetchesAnUnpackedLayerThatIsNeededAgainAboveAndNotStored) {
  const PullPlan made =
      plan({layer("a", 10), layer("a", 10)}, {{.unpacked = true, .stored = false}, {}});
  EXPECT_EQ(made.jobs, (std::vector<BlobJob>{{0, Need::download}}));
  EXPECT_EQ(made.unpack, std::vector<std::size_t>{1});
}

}  // namespace
}  // namespace nodeproof::prepull
