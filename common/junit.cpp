#include "common/junit.hpp"

#include <array>
#include <charconv>
#include <string_view>

#include "common/xml.hpp"

namespace nodeproof {
namespace {

using Outcome = JunitCase::Outcome;

std::string attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + xml_escaped(value) + "\"";
}

std::string attribute_if(std::string_view name, std::string_view value) {
  return value.empty() ? "" : attribute(name, value);
}

std::string seconds_text(double seconds) {
  std::array<char, 64> text{};
  const auto done =
      std::to_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed, 3);
  return done.ec == std::errc() ? std::string(text.data(), done.ptr) : "0.000";
}

struct Counts {
  std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;

  void add(Outcome outcome) {
    ++tests;
    failures += outcome == Outcome::failure ? 1 : 0;
    errors += outcome == Outcome::error ? 1 : 0;
    skipped += outcome == Outcome::skipped ? 1 : 0;
  }
  [[nodiscard]] std::string text() const {
    return attribute("tests", std::to_string(tests)) +
           attribute("failures", std::to_string(failures)) +
           attribute("errors", std::to_string(errors)) +
           (skipped == 0 ? "" : attribute("skipped", std::to_string(skipped)));
  }
};

std::string_view tag_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed:
      return "system-out";
    case Outcome::failure:
      return "failure";
    case Outcome::skipped:
      return "skipped";
    case Outcome::error:
      break;
  }
  return "error";
}

std::string body_of(const JunitCase& test) {
  if (test.outcome == Outcome::passed && test.text.empty()) return "";
  const std::string tag(tag_of(test.outcome));
  std::string start = tag;
  if (test.outcome == Outcome::failure || test.outcome == Outcome::error) {
    start += attribute("type", test.type);
  }
  if (test.outcome != Outcome::passed) start += attribute("message", test.message);
  return "      <" + start + ">" + xml_escaped(test.text) + "</" + tag + ">\n";
}

std::string case_text(const JunitCase& test) {
  std::string text =
      "    <testcase" + attribute("classname", test.classname) + attribute("name", test.name);
  if (test.seconds) text += attribute("time", seconds_text(*test.seconds));
  const std::string body = body_of(test);
  return text + (body.empty() ? "/>\n" : ">\n" + body + "    </testcase>\n");
}

std::string suite_text(const JunitSuite& suite) {
  Counts counts;
  std::string cases;
  for (const JunitCase& test : suite.cases) {
    counts.add(test.outcome);
    cases += case_text(test);
  }
  return "  <testsuite" + attribute("name", suite.name) + counts.text() +
         attribute_if("hostname", suite.hostname) + attribute_if("timestamp", suite.timestamp) +
         ">\n" + cases + "  </testsuite>\n";
}

}  // namespace

std::string to_xml(const JunitDocument& document) {
  Counts counts;
  std::string suites;
  for (const JunitSuite& suite : document.suites) {
    for (const JunitCase& test : suite.cases) counts.add(test.outcome);
    suites += suite_text(suite);
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" +
         attribute("name", document.name) + counts.text() + ">\n" + suites + "</testsuites>\n";
}

}  // namespace nodeproof
