#include "common/xml.hpp"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

TEST(Xml, EscapesWhatIsMarkup) {
  EXPECT_EQ(xml_escaped(R"(<a b="c" d='e'>&amp;]]>)"),
            "&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;amp;]]&gt;");
  EXPECT_EQ(xml_escaped("plain ünïcode \xF0\x9F\x98\x80"), "plain ünïcode \xF0\x9F\x98\x80");
  EXPECT_EQ(xml_escaped(""), "");
}

TEST(Xml, KeepsLinesAndReplacesWhatADocumentCannotHold) {
  EXPECT_EQ(xml_escaped("a\n\tb"), "a\n\tb");
  for (const std::string& bad :
       {std::string("\0", 1), std::string("\x1b"), std::string("\x7f"), std::string("\xff"),
        std::string("\xEF\xBF\xBE"), std::string("\xEF\xBF\xBF")}) {
    EXPECT_EQ(xml_escaped("a" + bad + "b"),
              "a\xEF\xBF\xBD"
              "b");
  }
}

}  // namespace
}  // namespace nodeproof
