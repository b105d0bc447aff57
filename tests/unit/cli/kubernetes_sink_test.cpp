#include "agent/cli/kubernetes_sink.hpp"

#include <gtest/gtest.h>

#include "agent/cli/report_sinks.hpp"
#include "tests/unit/kubernetes/rig.hpp"

namespace nodeproof::cli {
namespace {

class KubernetesSinkTest : public ::testing::Test {
 protected:
  KubernetesSinkTest() {
    config_.report.kubernetes.condition = true;
    config_.report.kubernetes.node = "pi-17";
    config_.report.kubernetes.kubeconfig = (rig_.folder.path() / "etc/node.kubeconfig").string();
  }
  // What the verdict of `days` ago is told as.
  std::string reason_after(int days) {
    NodeReport report = kubernetes::ready();
    report.time = rig_.clock.now() - std::chrono::days(days);
    EXPECT_TRUE(deliver(report));
    return rig_.condition("reason");
  }
  Result<> deliver(const NodeReport& report) {
    const auto sink =
        open_sink("kubernetes", config_, {rig_.api, rig_.clock, rig_.folder.path() / "state"});
    report::Delivery delivery;
    delivery.report = report;
    delivery.now = std::chrono::floor<std::chrono::seconds>(rig_.clock.now());
    return sink->deliver(delivery, state_, {});
  }

  kubernetes::Rig rig_;
  config::Config config_;
  report::SinkState state_;
};

TEST_F(KubernetesSinkTest, AVerdictStandsForAsLongAsTheOperatorSays) {
  config_.check_every = std::chrono::minutes(15);
  EXPECT_EQ(reason_after(30), "AllImagesReady") << "there is no limit by default";
  config_.stale_after = std::chrono::days(14);
  EXPECT_EQ(reason_after(13), "AllImagesReady");
  EXPECT_EQ(reason_after(15), "ReportStale");
}

TEST_F(KubernetesSinkTest, NamesAllThatFailed) {
  config_.report.kubernetes.labels = true;
  rig_.api.answer_next(kubernetes::kPatchNode, fakes::status_answer(403, "Forbidden", "no labels"));
  rig_.api.answer_next(kubernetes::kPostEvent, fakes::status_answer(403, "Forbidden", "no events"));
  const auto done = deliver(kubernetes::ready());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::permission_denied);
  for (const std::string& text : {done.error().message, state_.problem}) {
    EXPECT_TRUE(text.contains("no labels") && text.contains("no events")) << text;
  }
}

}  // namespace
}  // namespace nodeproof::cli
