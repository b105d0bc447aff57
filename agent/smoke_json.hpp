// What is tried of an image, as JSON: what a proof and a configuration's digest depend on.
#pragma once

#include "agent/model.hpp"
#include "common/json.hpp"

namespace nodeproof {

// One whole value each; the keys are the configuration's.
void write_smoke_test(json::Writer& out, const SmokeTest& test);
void write_sandbox(json::Writer& out, const Sandbox& sandbox);

// Of what a test runs or looks at, as opposed to what is expected of it and how long it may take:
// two results can be compared when it is the same. 64 hex digits
[[nodiscard]] std::string smoke_test_digest(const SmokeTest& test);

}  // namespace nodeproof
