// A tag whose digest is a local source's word, because the registry did not answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using testing::Contains;
using testing::Field;
using testing::Not;

constexpr const char* kApp = "registry.test:5000/app:1";
const Error kGone{Errc::unreachable, "registry.test: connection refused", "start it"};

// Says of every tag that the registry has not confirmed it.
class Unconfirmed final : public Registry {
 public:
  explicit Unconfirmed(Registry& source) : source_(source) {}
  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override {
    auto found = source_.manifest(reference, std::move(stop));
    if (found) found->unconfirmed = kGone;
    return found;
  }
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override {
    return source_.child(reference, child, std::move(stop));
  }
  // NOLINTNEXTLINE(readability-function-size): the port's signature
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override {
    return source_.blob(reference, blob, offset, sink, std::move(stop));
  }
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override {
    return source_.probe(reference, blob, std::move(stop));
  }

 private:
  Registry& source_;
};

class UnconfirmedTag : public testing::Test {
 protected:
  UnconfirmedTag() { rig.require(kApp).on_tag_moved = OnTagMoved::follow; }
  ImageReport from_the_source() {
    Unconfirmed source(rig.registry);
    const SystemClock clock;
    Ports ports{source, rig.store, rig.runtime, clock, [](const Progress&) {}};
    return run_cycle(rig.config, ports, {}).images.at(0);
  }
  static auto silence() {
    return Contains(AllOf(Field(&Finding::code, std::string(code::kRegistryUnreachable)),
                          Field(&Finding::severity, Severity::warn)));
  }
  CycleRig rig;
};

TEST_F(UnconfirmedTag, IsProvenAndToldAsUnreachable) {
  const Descriptor index = rig.push(kApp);
  const ImageReport image = from_the_source();
  EXPECT_EQ(image.verdict, Verdict::ready);
  EXPECT_EQ(image.index_digest, index.digest.str());
  EXPECT_EQ(image.freshness, Freshness::unreachable);
  EXPECT_THAT(image.findings, silence());
}

TEST_F(UnconfirmedTag, IsAsGoodTheSecondTime) {
  rig.push(kApp);
  from_the_source();
  const ImageReport image = from_the_source();
  EXPECT_EQ(image.verdict, Verdict::ready);
  EXPECT_EQ(image.freshness, Freshness::unreachable);
  EXPECT_EQ(rig.runtime.requests().size(), 1U);
}

TEST_F(UnconfirmedTag, OfAnotherDigestTakesNoProofsPlace) {
  const Descriptor proven = rig.push(kApp, "1");
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  rig.push(kApp, "2");
  const ImageReport image = from_the_source();
  EXPECT_EQ(image.verdict, Verdict::ready);
  EXPECT_EQ(image.index_digest, proven.digest.str());
  EXPECT_EQ(image.freshness, Freshness::unreachable);
  EXPECT_THAT(image.findings, silence());
  EXPECT_THAT(image.findings, Not(Contains(Field(&Finding::code, std::string(code::kTagMoved)))));
}

}  // namespace
}  // namespace nodeproof
