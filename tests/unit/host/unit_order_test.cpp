// A containerd that is ordered behind what waits for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "agent/host/unit_files.hpp"
#include "tests/fakes/fixtures.hpp"
#include "tests/unit/host/board.hpp"

namespace nodeproof::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A node with k3s as its installer leaves it, and our units.
class UnitOrder : public ::testing::Test {
 protected:
  UnitOrder() {
    put("k3s.service",
        "[Unit]\nDescription=Lightweight Kubernetes\nWants=network-online.target\n"
        "After=network-online.target\n\n[Install]\nWantedBy=multi-user.target\n\n"
        "[Service]\nType=notify\nExecStartPre=-/sbin/modprobe overlay\n"
        "ExecStart=/usr/local/bin/k3s \\\n    server\n");
    for (const char* unit :
         {"nodeproof.service", "nodeproof-wait-ready.service", "nodeproof-ready.target"}) {
      std::filesystem::copy_file(fakes::fixtures() / "../../systemd" / unit,
                                 board_.root() / "etc/systemd/system" / unit);
    }
  }
  void put(const std::string& name, const std::string& text) const {
    board_.put("etc/systemd/system/" + name, text);
  }
  [[nodiscard]] Findings found() const { return containerd_ordering(board_.root()); }

  const Board board_{"pi5"};
};

TEST_F(UnitOrder, AsItIsInstalledIsInOrder) {
  EXPECT_THAT(found(), IsEmpty());
  put("app.service", "[Unit]\nRequires=nodeproof-ready.target\nAfter=nodeproof-ready.target\n");
  put("multi-user.target.wants/app.service", "");
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(UnitOrder, OfADropInIsFound) {
  put("k3s.service.d/wait.conf",
      "[Unit]\n# pods must wait\nAfter=a.mount nodeproof-ready.target\n");
  const Findings findings = found();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].code, code::kContainerdWaitsForReady);
  EXPECT_EQ(findings[0].severity, Severity::warn);
  EXPECT_EQ(findings[0].subject, "k3s.service");
  EXPECT_THAT(
      findings[0].message,
      HasSubstr("k3s.service, which carries containerd inside, waits for nodeproof-ready."));
  EXPECT_EQ(findings[0].evidence,
            "k3s.service: After=a.mount nodeproof-ready.target "
            "(/etc/systemd/system/k3s.service.d/wait.conf)");
  EXPECT_THAT(board_.facts().findings, testing::Contains(findings[0]));
}

TEST_F(UnitOrder, ByWayOfOthersIsFoundWithTheWholeChain) {
  put("k3s.service.d/10.conf", "[Unit]\nAfter=storage.target\n");
  put("storage.target", "[Unit]\nDescription=x\n");
  put("storage.target.requires/gate.service", "");
  board_.put("usr/lib/systemd/system/gate.service",
             "[Unit]\nRequires=nodeproof-wait-ready.service\nAfter=nodeproof-wait-ready.service\n");
  const Findings findings = found();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(
      findings[0].evidence,
      "k3s.service: After=storage.target (/etc/systemd/system/k3s.service.d/10.conf); "
      "storage.target: Requires=gate.service (/etc/systemd/system/storage.target.requires); "
      "gate.service: After=nodeproof-wait-ready.service (/usr/lib/systemd/system/gate.service)");
  put("storage.target", "[Unit]\nDefaultDependencies=no\n");
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(UnitOrder, IsFoundFromTheOtherSide) {
  put("gate.service",
      "[Unit]\nAfter=nodeproof-ready.target\nBefore=k3s.service k3s-agent.service\n");
  EXPECT_THAT(found(), SizeIs(1));  // there is no k3s-agent here
  board_.remove("etc/systemd/system/gate.service");
  put("nodeproof-ready.target.d/first.conf", "[Unit]\nBefore=k3s.service\n");
  EXPECT_THAT(found(), SizeIs(1));
}

TEST_F(UnitOrder, IsAlsoACommandThatWaits) {
  put("k3s.service.d/wait.conf", "[Service]\nExecStartPre=/usr/bin/nodeproof wait\n");
  ASSERT_THAT(found(), SizeIs(1));
  EXPECT_THAT(found()[0].message, HasSubstr("waits for nodeproof's readiness"));
  put("k3s.service.d/wait.conf", "[Service]\nExecStartPre=/usr/bin/nodeproof wait --timeout 60\n");
  EXPECT_THAT(found(), IsEmpty());
  put("k3s.service.d/wait.conf", "[Unit]\nConditionPathExists=/run/nodeproof/ready\n");
  EXPECT_THAT(found(), SizeIs(1));
  put("k3s.service.d/wait.conf", "[Unit]\nAfter=gate.service\n");
  put("gate.service",
      "[Service]\nExecStart=/usr/bin/nodeproof wait\n");  // nobody waits for its end
  EXPECT_THAT(found(), IsEmpty());
  put("gate.service.d/x.conf", "[Service]\nType=oneshot\n");
  EXPECT_THAT(found(), SizeIs(1));
}

TEST_F(UnitOrder, GoesByTheFilesThatCount) {
  const std::string waits = "[Unit]\nAfter=nodeproof-ready.target\n";
  board_.put("usr/lib/systemd/system/k3s.service", waits);  // /etc has another
  EXPECT_THAT(found(), IsEmpty());
  board_.put("usr/lib/systemd/system/k3s.service.d/wait.conf", waits);
  EXPECT_THAT(found(), SizeIs(1));
  put("k3s.service.d/wait.conf", "");  // takes the place of the one of the same name
  EXPECT_THAT(found(), IsEmpty());
  put("service.d/wait-2.conf", waits);
  EXPECT_THAT(found(), SizeIs(1));
  board_.remove("etc/systemd/system/service.d");
  put("rke2-.service.d/wait.conf", waits);
  board_.put("usr/local/lib/systemd/system/rke2-agent.service", "[Unit]\nDescription=x\n");
  ASSERT_THAT(found(), SizeIs(1));
  EXPECT_EQ(found()[0].subject, "rke2-agent.service");
  put("containerd.service", waits);
  EXPECT_THAT(found(), SizeIs(2));
}

TEST(UnitFiles, AreReadAsSystemdReadsThem) {
  const auto settings = parse_unit(
      "; no\n[Unit]\nAfter = a.service \\\n# between\n  b.service\n[Install]\nWantedBy=x\n[X]\nK=",
      "/f");
  ASSERT_THAT(settings, SizeIs(2));
  EXPECT_EQ(settings[0].key, "After");
  EXPECT_EQ(settings[0].value, "a.service  b.service");
  EXPECT_EQ(settings[1].value, "");
}

}  // namespace
}  // namespace nodeproof::host
