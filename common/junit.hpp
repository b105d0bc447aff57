// JUnit's XML with the elements that Jenkins, GitLab and GitHub's actions read alike.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nodeproof {

struct JunitCase {
  enum class Outcome { passed, failure, error, skipped };

  std::string classname, name;
  Outcome outcome = Outcome::passed;
  std::string type{}, message{};    // of what is not passed
  std::string text{};               // below it; of a passed one its output
  std::optional<double> seconds{};  // nothing = not measured
};

struct JunitSuite {
  std::string name;
  std::vector<JunitCase> cases{};
  std::string hostname{}, timestamp{};  // "" = not said
};

struct JunitDocument {
  std::string name;
  std::vector<JunitSuite> suites{};
};

// Strings from outside are inert in it.
[[nodiscard]] std::string to_xml(const JunitDocument& document);

}  // namespace nodeproof
