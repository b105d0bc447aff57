#include "agent/report/page/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kMost = 200'000;

PageMoment soon(const NodeReport& report) { return {report.time + 1min}; }

std::string page_of(const NodeReport& report) { return to_html(report, soon(report)); }

std::size_t count(const std::string& text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++found;
  }
  return found;
}

// The elements in their order, without what is between them.
std::string tags_of(const std::string& page) {
  std::string tags;
  const std::regex tag("<(/?[a-zA-Z0-9!]+)[^>]*>");
  for (std::sregex_iterator at(page.begin(), page.end(), tag), end; at != end; ++at) {
    tags += at->str(1) + ' ';
  }
  return tags;
}

TEST(NodePage, BeginsWithTheVerdictAndWhenItHeld) {
  const std::string page = page_of(sample());
  EXPECT_THAT(page, AllOf(HasSubstr("<title>NOT READY: pi-17</title>"),
                          HasSubstr("<bdi>pi-17</bdi> is not ready</span></h1>"),
                          HasSubstr("1/3 ready; ArchMismatch wrong:v2 (+1)"),
                          HasSubstr("2026-11-21 10:00:05 UTC"),
                          HasSubstr("not ready since <time datetime=\"2026-11-20T23:00:00Z\">")));
}

TEST(NodePage, TellsTheMostSevereFirstWithEvidenceAndRemedy) {
  const std::string page = page_of(sample());
  const std::size_t fails = page.find("<h3>ArchMismatch</h3>");
  const std::size_t unknown = page.find("<h3>RegistryUnreachable</h3>");
  const std::size_t warns = page.find("<h3>MemoryCgroupMissing</h3>");
  ASSERT_NE(warns, std::string::npos);
  EXPECT_LT(fails, unknown);
  EXPECT_LT(unknown, warns);
  EXPECT_LT(warns, page.find("id=\"images\""));
  EXPECT_THAT(page, AllOf(HasSubstr("<pre>ELF e_machine 62 (x86-64)</pre>"),
                          HasSubstr("<b>What to do:</b> rebuild /usr/bin/tini for linux/arm64"),
                          HasSubstr("What ArchMismatch means"), HasSubstr("exec format error")));
}

TEST(NodePage, TellsFactsOfImagesAndOfTheHost) {
  const std::string page = page_of(sample());
  EXPECT_THAT(page, AllOf(HasSubstr("41.2 MB in 3.1 s; 43.0 MB in all, 5 layers, 1 of them reused"),
                          HasSubstr("sha256:0123456789abcdef"), HasSubstr("16 KiB pages"),
                          HasSubstr("Raspberry Pi 5 Model B"), HasSubstr("1.7.24 at /run/contai"),
                          HasSubstr("site=berlin, ring=1")));
}

TEST(NodePage, TellsWhatContainerdUnpackedAndWhy) {
  NodeReport report = sample();
  for (ImageReport& image : report.images) image.pull.unpacked = {3, 1, {"layer <b>: opaque"}};
  EXPECT_THAT(page_of(report),
              HasSubstr("1 of them reused; 1 unpacked by containerd: layer &lt;b&gt;: opaque"));
}

TEST(NodePage, IsTheSameForTheSameReport) {
  NodeReport report = sample();
  EXPECT_EQ(to_html(report, {report.time + 1min}), to_html(report, {report.time + 3h}));
}

TEST(NodePage, NoStyleButItsOwnAndNothingFromElsewhere) {
  const std::string page = page_of(sample());
  EXPECT_EQ(count(page, "<style"), 1U);
  EXPECT_THAT(page, HasSubstr("content=\"default-src 'none'; style-src 'sha256-"));
  for (const char* word :
       {"<script", "style=\"", "http://", "https://", "url(", "@import", "src=\""}) {
    EXPECT_THAT(page, Not(HasSubstr(word)));
  }
}

TEST(NodePage, AnOldReportSaysNothingAboutNow) {
  NodeReport report = sample();
  report.images = {ready_image("good:1")};
  report.findings.clear();
  conclude(report);
  EXPECT_THAT(page_of(report), HasSubstr("<bdi>pi-17</bdi> is ready"));
  for (const auto& [now, why] : {std::pair(report.time + 25h, "is 25 hours old"),
                                 {report.time - 11min, "a clock is wrong"}}) {
    EXPECT_THAT(to_html(report, {now}),
                AllOf(HasSubstr("Not known whether <bdi>pi-17</bdi> is ready"), HasSubstr(why),
                      HasSubstr("<title>Unknown: pi-17</title>")));
  }
  report.time = {};
  EXPECT_THAT(to_html(report, {report.time + 1min}), HasSubstr("it counts for nothing"));
}

TEST(NodePage, WhatIsStaleOverriddenOrUnderWayIsSaid) {
  NodeReport report = sample();
  EXPECT_THAT(page_of(report), HasSubstr("A registry was not reachable"));
  report.freshness = Freshness::stale;
  report.overridden = Override{};
  report.overridden->reason = "the registry moves";
  EXPECT_THAT(to_html(report, {report.time, true}),
              AllOf(HasSubstr("Stale:"), HasSubstr("<b>Overridden:</b> ready by override until"),
                    HasSubstr("the registry moves"), HasSubstr("A check is under way")));
}

TEST(NodePage, AVerdictIsNeverWithoutACause) {
  NodeReport report = sample();
  ImageReport image = ready_image("app:1");
  image.verdict = Verdict::unknown;
  image.smoke.clear();
  report.images = {image};
  report.findings.clear();
  conclude(report);
  EXPECT_THAT(page_of(report), HasSubstr("<h3>NotExecuted</h3>"));
}

TEST(NodePage, WhatWasAcceptedIsTold) {
  NodeReport report = sample();
  report.images[1].findings[0].severity = Severity::warn;
  report.images[1].findings[0].lowered = Lowered{Severity::fail, "accepted until 2027-01-31"};
  EXPECT_THAT(page_of(report), HasSubstr("(fail): accepted until 2027-01-31"));
}

// In every string of the report.
NodeReport hostile(const std::string& text) {
  NodeReport report = sample();
  report.node = report.message = report.reason = report.agent_version = report.config_digest = text;
  report.labels = {{text, text}};
  report.host.board = report.host.kernel_release = report.host.machine = report.host.name = text;
  report.host.boot_id = report.host.runc = report.host.l4t = report.host.isa_level = text;
  report.host.platform = {text, text, text, "", {}};
  report.host.hwcaps = report.host.cgroup_controllers = {text};
  report.host.binfmt = {{text, text, text, 0, true}};
  report.host.containerd = ContainerdFacts{text, text, text, text, true, true};
  report.host.kubelet.emplace().source = text;
  const Finding finding{text, Severity::fail, text, text,
                        text, text,           text, Lowered{Severity::fail, text}};
  report.findings = {finding};
  report.findings.push_back(finding);
  report.findings.back().severity = Severity::info;
  for (ImageReport& image : report.images) {
    image.reference = image.platform = image.index_digest = image.manifest_digest = text;
    image.choice = text;
    image.findings = {finding};
    image.smoke = {{text, SmokeOutcome::failed, 1, text, 0.1, text, text, text, text}};
  }
  return report;
}

TEST(NodePage, HostileStringsAddNoElement) {
  const std::string plain = tags_of(page_of(hostile("x")));
  for (const char* text : {"<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>",
                           "</style></title></pre><b>", "</details></body></html>", "<!--", "]]>",
                           "&lt;script&gt;", "\" onclick=\"alert(1)"}) {
    SCOPED_TRACE(text);
    const std::string page = page_of(hostile(text));
    EXPECT_EQ(tags_of(page), plain);
    EXPECT_EQ(page.find(text), std::string::npos);
  }
}

TEST(NodePage, ControlCharactersAndBidiMarksAreReplaced) {
  const std::string text = "a\0b\x1b[31m\x7f\u202e\u2066\u200b\ufeff\xff\r"s;
  const std::string page = page_of(hostile(text));
  for (const char* mark : {"\x1b", "\x7f", "\u202e", "\u2066", "\u200b", "\ufeff", "\xff", "\r"}) {
    EXPECT_THAT(page, Not(HasSubstr(mark)));
  }
  EXPECT_EQ(page.find('\0'), std::string::npos);
  EXPECT_THAT(page, HasSubstr("a\uFFFDb\uFFFD[31m"));
}

TEST(NodePage, HugeStringsAreCutAndThatIsSaid) {
  const std::string page = page_of(hostile(std::string(1'000'000, '"')));
  EXPECT_LT(page.size(), kMost);
  EXPECT_THAT(page, HasSubstr("(cut off: 1000000 bytes in all)"));
}

TEST(NodePage, ManyFindingsImagesAndTestsAreCountedNotCut) {
  NodeReport report = sample();
  report.images.assign(300, wrong_image("registry.example.com/demo/wrong:v2"));
  for (ImageReport& image : report.images) {
    image.findings.resize(5, image.findings.front());
    image.smoke.resize(300, image.smoke.front());
  }
  report.images.push_back(ready_image("good:1"));
  conclude(report);
  const std::string page = page_of(report);
  EXPECT_LT(page.size(), kMost);
  const std::size_t cards = count(page, "<article");
  EXPECT_GT(cards, 20U);
  EXPECT_THAT(page, HasSubstr(">" + std::to_string(1501 - cards) + " more findings are left out"));
  EXPECT_THAT(page, HasSubstr(" more images are left out"));
  EXPECT_THAT(page, HasSubstr(" more tests are left out"));
  EXPECT_THAT(page, HasSubstr("</html>"));
}

Fleet fleet_of(std::size_t nodes) {
  Fleet fleet;
  fleet.nodes = nodes;
  fleet.not_ready = 5;
  fleet.ready = nodes - 5;
  fleet.groups = {{"PageSizeIncompatible",
                   Severity::fail,
                   "registry.lan/app:v2.1.0",
                   "Raspberry Pi 5 Model B",
                   "arm64",
                   {"pi-17", "pi-18", "pi-19", "pi-20", "pi-21"},
                   "built for 4 KiB",
                   "build it anew",
                   "arm64"}};
  return fleet;
}

const auto kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 12h;

TEST(FleetPage, CountsAndGroupsByCause) {
  Fleet fleet = fleet_of(500);
  fleet.silent = {{"jetson-3", "j.json", kNow - 50h, Verdict::not_ready, false},
                  {"pi-9", "p.json", kNow + 1h, Verdict::ready, true}};
  fleet.missing = {"pi-404"};
  fleet.unexpected = {"stranger"};
  fleet.overridden = {"pi-5"};
  fleet.twice = {{"clone", {"a.json", "b.json"}}};
  fleet.unreadable = {{Errc::io, "torn.json: not JSON", ""}};
  const std::string page = to_html(fleet, {.now = kNow});
  EXPECT_THAT(page,
              AllOf(HasSubstr("<title>NOT READY: 5 of 501 nodes</title>"),
                    HasSubstr("5 of 501 nodes are not ready"),
                    HasSubstr("<h3>5 nodes: PageSizeIncompatible</h3>"),
                    HasSubstr("registry.lan/app:v2.1.0</span> on Raspberry Pi 5 Model B (arm64)"),
                    HasSubstr("fails on arm64 only"), HasSubstr("<li>pi-21\n")));
  EXPECT_THAT(page, AllOf(HasSubstr("jetson-3</th><td>2 days ago"), HasSubstr("a clock is wrong"),
                          HasSubstr("<li>pi-404\n"), HasSubstr("<li>stranger\n"),
                          HasSubstr("<code>b.json</code>"), HasSubstr("torn.json: not JSON"),
                          HasSubstr("<li>pi-5\n"), HasSubstr("for 2 hours is silent")));
}

TEST(FleetPage, SaysSoWhenAllIsWellAndWhenNothingIsKnown) {
  Fleet fleet;
  EXPECT_THAT(to_html(fleet, {.now = kNow}), HasSubstr("Not known: no node has reported"));
  fleet.nodes = fleet.ready = 3;
  EXPECT_THAT(to_html(fleet, {.now = kNow}),
              AllOf(HasSubstr("All 3 nodes are ready"), HasSubstr("Nothing is wrong")));
  fleet.missing = {"pi-404"};
  EXPECT_THAT(to_html(fleet, {.now = kNow}), HasSubstr("Not known of 1 of 4 nodes"));
  fleet.missing.clear();
  fleet.unreadable = {{Errc::io, "torn.json", ""}};
  EXPECT_THAT(to_html(fleet, {.now = kNow}), HasSubstr("Not known whether all nodes are ready"));
}

TEST(FleetPage, FoldsManyNames) {
  Fleet fleet = fleet_of(500);
  for (int i = 0; i < 40; ++i) fleet.groups[0].nodes.push_back("node-" + std::to_string(i));
  const std::string page = to_html(fleet, {.now = kNow});
  EXPECT_THAT(page, HasSubstr("<summary>and 33 more</summary>"));
  EXPECT_LT(page.find("<summary>and 33 more"), page.find("<li>node-39\n"));
}

TEST(FleetPage, FiveHundredNodesThatFailEachInItsOwnWayAreCounted) {
  Fleet fleet = fleet_of(500);
  const FleetGroup group = fleet.groups.front();
  fleet.groups.clear();
  for (int i = 0; i < 500; ++i) {
    fleet.groups.push_back(group);
    fleet.groups.back().nodes = {"a-node-with-a-long-name-" + std::to_string(i) + ".example.com"};
    fleet.silent.push_back(
        {"silent-" + std::to_string(i), "f.json", kNow - 3h, Verdict::ready, false});
    fleet.missing.push_back("missing-" + std::to_string(i));
    fleet.unexpected.push_back("unexpected-" + std::to_string(i));
    fleet.overridden.push_back("overridden-" + std::to_string(i));
    fleet.twice.push_back({"twice-" + std::to_string(i), {"a.json", "b.json"}});
    fleet.unreadable.push_back({Errc::io, "unreadable-" + std::to_string(i), ""});
  }
  const std::string page = to_html(fleet, {.now = kNow});
  EXPECT_LT(page.size(), kMost);
  const std::size_t cards = count(page, "<article");
  EXPECT_THAT(page, HasSubstr(">" + std::to_string(500 - cards) + " more groups are left out"));
  EXPECT_THAT(page, HasSubstr("</html>"));
}

TEST(FleetPage, FiveHundredNodesInOneGroupAreAllNamed) {
  Fleet fleet = fleet_of(500);
  fleet.groups[0].nodes.clear();
  for (int i = 0; i < 500; ++i)
    fleet.groups[0].nodes.push_back("node-" + std::to_string(i) + ".hall-3.lan");
  const std::string page = to_html(fleet, {.now = kNow});
  EXPECT_LT(page.size(), kMost);
  EXPECT_THAT(page, HasSubstr("<li>node-499.hall-3.lan\n"));
  EXPECT_THAT(page, Not(HasSubstr("left out")));
}

TEST(FleetPage, HostileNamesAddNoElement) {
  const auto page_with = [](const std::string& text) {
    Fleet fleet;
    fleet.nodes = fleet.not_ready = 1;
    fleet.groups = {{text, Severity::fail, text, text, text, {text}, text, text, text}};
    fleet.silent = {{text, text, kNow - 3h, Verdict::ready, false}};
    fleet.missing = fleet.unexpected = fleet.overridden = {text};
    fleet.twice = {{text, {text, text}}};
    fleet.unreadable = {{Errc::io, text, text}};
    return to_html(fleet, {.now = kNow});
  };
  const std::string plain = tags_of(page_with("x"));
  for (const char* text :
       {"<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "</style></title>"}) {
    EXPECT_EQ(tags_of(page_with(text)), plain) << text;
  }
  EXPECT_LT(page_with(std::string(1'000'000, '<')).size(), kMost);
}

}  // namespace
}  // namespace nodeproof::report
