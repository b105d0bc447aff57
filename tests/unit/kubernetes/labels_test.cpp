#include "agent/kubernetes/labels.hpp"

#include <gtest/gtest.h>

namespace nodeproof::kubernetes {
namespace {

TEST(LabelValue, IsWhatTheApiTakes) {
  EXPECT_EQ(legal_label_value("Raspberry Pi 5 Model B Rev 1.0"), "Raspberry-Pi-5-Model-B-Rev-1.0");
  EXPECT_EQ(legal_label_value("  (NVIDIA)  Jetson/Orin\x01 "), "NVIDIA-Jetson-Orin");
  EXPECT_EQ(legal_label_value("\xC3\x84rger"), "rger");
  EXPECT_EQ(legal_label_value("36.3.0"), "36.3.0");
  EXPECT_EQ(legal_label_value("..."), "");
  EXPECT_EQ(legal_label_value(""), "");
  EXPECT_EQ(legal_label_value(std::string(62, 'a') + ". b"), std::string(62, 'a'));
  EXPECT_EQ(legal_label_value(std::string(80, 'a')), std::string(63, 'a'));
}

TEST(HostLabels, AreThoseThatAreKnownAndApply) {
  HostFacts pi;
  pi.platform = {"linux", "arm64", "v8", "", {}};
  pi.page_size = 16384;
  pi.userland_bits = 64;
  pi.hwcaps = {"fp", "asimd"};
  pi.board = "Raspberry Pi 4";
  EXPECT_EQ(labels_of(pi), (Labels{{"nodeproof.dev/page-size", "16384"},
                                   {"nodeproof.dev/isa-lse", "false"},
                                   {"nodeproof.dev/userland", "64"},
                                   {"nodeproof.dev/board", "Raspberry-Pi-4"}}));
  pi.hwcaps = {"fp", "atomics"};
  pi.l4t = "36.3.0";
  EXPECT_EQ(labels_of(pi)->at("nodeproof.dev/isa-lse"), "true");
  EXPECT_EQ(labels_of(pi)->at("nodeproof.dev/l4t"), "36.3.0");
  HostFacts server;
  server.platform = {"linux", "amd64", "", "", {}};
  server.hwcaps = {"avx2"};
  server.isa_level = "x86-64-v3";
  EXPECT_EQ(labels_of(server), (Labels{{"nodeproof.dev/x86-64-level", "3"}}));
}

TEST(HostLabels, AreNotKnownWithoutFacts) { EXPECT_EQ(labels_of(HostFacts{}), std::nullopt); }

TEST(LabelsPatch, ChangesWhatDiffersAndRemovesWhatIsStale) {
  EXPECT_EQ(labels_patch({{"a", "1"}}, {{"a", "1"}}), "");
  EXPECT_EQ(labels_patch({{"a", "1"}, {"b", "2"}}, {{"b", "1"}, {"c", "3"}}),
            R"({"metadata":{"labels":{"a":"1","b":"2","c":null}}})");
}

TEST(LabelsPatch, KnowsOursByTheirWholeNames) {
  EXPECT_EQ(ours_of({{"nodeproof.dev/board", "x"}, {"nodeproof.dev/other", "y"}, {"board", "z"}}),
            (Labels{{"nodeproof.dev/board", "x"}}));
}

}  // namespace
}  // namespace nodeproof::kubernetes
