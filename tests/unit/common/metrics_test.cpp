#include "common/metrics.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace nodeproof::metrics {
namespace {

constexpr Meta kReady = {"nodeproof_ready", "Whether it is ready."};
constexpr Meta kDropped = {"nodeproof_dropped_total", "What was dropped.", Kind::counter};

std::string value_of(Number value) {
  Collection all;
  all.add(kReady, {}, value);
  const std::string text = to_text(all);
  return text.substr(text.rfind(' ') + 1);
}

TEST(Metrics, AreOneBlockForEachNameInTheOrderInWhichTheyCame) {
  Collection all;
  all.add(kReady, {{"node", "a"}}, 1);
  all.add(kDropped, {}, 7);
  all.add(kReady, {{"node", "b"}}, 0);
  EXPECT_EQ(to_text(all),
            "# HELP nodeproof_ready Whether it is ready.\n"
            "# TYPE nodeproof_ready gauge\n"
            "nodeproof_ready{node=\"a\"} 1\n"
            "nodeproof_ready{node=\"b\"} 0\n"
            "# HELP nodeproof_dropped_total What was dropped.\n"
            "# TYPE nodeproof_dropped_total counter\n"
            "nodeproof_dropped_total 7\n");
  EXPECT_EQ(to_text(Collection()), "");
}

TEST(Metrics, OfEqualLabelsTheFirstStays) {
  Collection all;
  all.add(kReady, {{"node", "a"}}, 1);
  all.add(kReady, {{"node", "a"}}, 0);
  all.add(kReady, {{"node", "bad \xff"}}, 1);
  all.add(kReady, {{"node", "bad \xfe"}}, 1);  // equal once both are valid UTF-8
  ASSERT_EQ(all.families().size(), 1U);
  ASSERT_EQ(all.families()[0].samples.size(), 2U);
  EXPECT_EQ(std::get<std::int64_t>(all.families()[0].samples[0].value), 1);
}

TEST(Metrics, LabelValuesCannotEndTheirLine) {
  Collection all;
  all.add(kReady, {{"node", std::string("a\"} 1\nx \\ \x1b[31m\x7f\0\r\t", 19)}}, 1);
  EXPECT_EQ(to_text(all).substr(to_text(all).rfind("nodeproof_ready")),
            "nodeproof_ready{node=\"a\\\"} 1\\nx \\\\ \xEF\xBF\xBD[31m\xEF\xBF\xBD\xEF\xBF\xBD\xEF"
            "\xBF\xBD\xEF\xBF\xBD\"} 1\n");
}

TEST(Metrics, NumbersAreWrittenWhole) {
  EXPECT_EQ(value_of(std::int64_t{1795358599}), "1795358599\n");
  EXPECT_EQ(value_of(-3), "-3\n");
  EXPECT_EQ(value_of(0.25), "0.25\n");
  EXPECT_EQ(value_of(1e300), "1e+300\n");
  EXPECT_EQ(value_of(std::numeric_limits<double>::quiet_NaN()), "NaN\n");
  EXPECT_EQ(value_of(std::numeric_limits<double>::infinity()), "+Inf\n");
  EXPECT_EQ(value_of(-std::numeric_limits<double>::infinity()), "-Inf\n");
  EXPECT_EQ(value_of(number(std::numeric_limits<std::uint64_t>::max())), "9223372036854775807\n");
}

TEST(Metrics, LabelNamesHaveLettersAndDigits) {
  EXPECT_EQ(label_name("site"), "site");
  EXPECT_EQ(label_name("topology.example.com/rack-2"), "topology_example_com_rack_2");
  EXPECT_EQ(label_name("2nd"), "_nd");
  EXPECT_EQ(label_name("stra\xC3\x9F"
                       "e"),
            "stra__e");
}

}  // namespace
}  // namespace nodeproof::metrics
