// Where an image's tests come from, in this order: the configuration, the image's own HEALTHCHECK
// where that is allowed, container-structure-test files. None of them: the loader's dry run only.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof::smoke {

// Files of this host, each read once in its lifetime (a cycle), so that what was tested is what the
// proof's key says. Called from several threads.
class TextFiles {
 public:
  Result<std::string> text(const std::string& path);

 private:
  std::mutex mutex_;
  std::map<std::string, Result<std::string>> read_;
};

struct ImageTests {
  std::vector<SmokeTest> tests;      // names are distinct
  std::vector<SmokeResult> results;  // what is known without a container
  std::vector<Finding> findings;     // unknown: a source that cannot be read
};

[[nodiscard]] ImageTests tests_of(const RequiredImage& image, const ImageConfig& config,
                                  TextFiles& files);

// What of the sources is not in the image or its tests in the configuration.
[[nodiscard]] std::string sources_key(const RequiredImage& image, TextFiles& files);

}  // namespace nodeproof::smoke
