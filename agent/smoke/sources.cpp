#include "agent/smoke/sources.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "agent/codes.hpp"
#include "agent/smoke/plan.hpp"
#include "agent/smoke/structure_tests.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"
#include "common/text.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::string_view kHealthcheck = "HEALTHCHECK";
constexpr std::chrono::milliseconds kLongestTest{std::chrono::hours(1)};

Finding not_known(std::string subject, std::string message, std::string remedy) {
  return {.code = std::string(code::kSmokeNotRun),
          .severity = Severity::unknown,
          .subject = std::move(subject),
          .layer = {},
          .message = std::move(message),
          .evidence = {},
          .remedy = std::move(remedy)};
}

// Docker calls a container healthy at the first success and unhealthy after so many failures in a
// row, of which none counts in the start period: until then it may come up.
SmokeTest test_of(const Healthcheck& check) {
  SmokeTest test;
  test.name = test.source = kHealthcheck;
  ServiceCheck& service = test.service.emplace();
  service.check = check.command;
  service.check_timeout = std::min(check.timeout, kLongestTest);
  const auto once = std::min(check.interval, kLongestTest) + service.check_timeout;
  const auto tries = std::min<std::int64_t>(check.retries, kLongestTest / once + 1);
  test.timeout = std::min(std::min(check.start_period, kLongestTest) + tries * once, kLongestTest);
  return test;
}

void add_healthcheck(const ImageConfig& config, ImageTests& into) {
  if (!config.healthcheck) return;
  if (!config.healthcheck->problem.empty()) {
    into.findings.push_back(not_known(
        std::string(kHealthcheck),
        "the image's HEALTHCHECK is not understood: " + printable(config.healthcheck->problem),
        "correct it in the Dockerfile, or write \"healthcheck\": \"ignore\""));
  } else if (config.entrypoint.empty() && config.cmd.empty()) {
    into.findings.push_back(
        not_known(std::string(kHealthcheck),
                  "the image has a HEALTHCHECK, and no command whose health it could tell",
                  "declare a smoke test with a service and its args"));
  } else {
    into.tests.push_back(test_of(*config.healthcheck));
  }
}

void add_structure_file(const std::string& path, const ImageConfig& config, TextFiles& files,
                        ImageTests& into) {
  const auto unreadable = [&](const Error& error, const std::string& what) {
    const std::string remedy =
        error.remedy.empty() ? "correct the file; it is read anew at every check" : error.remedy;
    into.findings.push_back(not_known(
        path, "the tests of " + printable(path) + what + printable(error.message), remedy));
  };
  const auto text = files.text(path);
  if (!text) return unreadable(text.error(), " cannot be read: ");
  const auto document = parse_structure_document(*text, path.ends_with(".json"));
  if (!document) return unreadable(document.error(), " are not understood: ");
  StructureTests found = structure_tests(*document, config, path);
  std::ranges::move(found.tests, std::back_inserter(into.tests));
  std::ranges::move(found.results, std::back_inserter(into.results));
  std::ranges::move(found.findings, std::back_inserter(into.findings));
}

// The first one keeps its name, later ones say where they come from.
class Names {
 public:
  void make_distinct(std::string& name, const std::string& source) {
    const std::string file = source.substr(source.rfind('/') + 1);
    std::string candidate = name;
    if (taken_.contains(candidate) && !file.empty()) candidate += " (" + file + ")";
    const std::string base = candidate;
    for (unsigned i = 2; taken_.contains(candidate); ++i) {
      candidate = base + " #" + std::to_string(i);
    }
    taken_.insert(candidate);
    name = std::move(candidate);
  }

 private:
  std::set<std::string> taken_;
};

void make_distinct(ImageTests& all) {
  Names names;
  for (SmokeTest& test : all.tests) names.make_distinct(test.name, test.source);
  for (SmokeResult& result : all.results) {
    const std::string before = result.name;
    names.make_distinct(result.name, result.source);
    for (Finding& finding : all.findings) {
      const bool same = finding.code == code::kSmokeFailed && finding.subject == before &&
                        finding.message.find(printable(result.source)) != std::string::npos;
      if (same) finding.subject = result.name;
    }
  }
}

void keep_what_fits(ImageTests& all) {
  if (all.tests.size() <= kMaxRuns) return;
  all.findings.push_back(not_known("smoke tests",
                                   std::to_string(all.tests.size()) + " tests are more than the " +
                                       std::to_string(kMaxRuns) + " that one container runs",
                                   "leave tests out"));
  all.tests.resize(kMaxRuns);
}

}  // namespace

Result<std::string> TextFiles::text(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  const auto known = read_.find(path);
  if (known != read_.end()) return known->second;
  return read_.emplace(path, read_file(path)).first->second;
}

ImageTests tests_of(const RequiredImage& image, const ImageConfig& config, TextFiles& files) {
  ImageTests all;
  all.tests = image.smoke;
  if (image.healthcheck) add_healthcheck(config, all);
  for (const std::string& path : image.structure_tests) {
    add_structure_file(path, config, files, all);
  }
  make_distinct(all);
  keep_what_fits(all);
  return all;
}

std::string sources_key(const RequiredImage& image, TextFiles& files) {
  std::string key = image.healthcheck ? "healthcheck" : "";
  for (const std::string& path : image.structure_tests) {
    const auto text = files.text(path);
    key += '\0' + path + '\0' + (text ? hash_of(as_bytes(*text)).str() : "");
  }
  return key;
}

}  // namespace nodeproof::smoke
