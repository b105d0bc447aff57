// What the tests of the HTTP registry share: one scripted registry, r.example.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "common/crypto.hpp"
#include "tests/fakes/direct_registry.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/scripted_http.hpp"

namespace nodeproof::registry {

inline Reference reference(std::string_view text) { return *Reference::parse(text); }

inline Descriptor descriptor_of(const std::string& bytes,
                                std::string_view media_type = media_type::kOciManifest) {
  return {.media_type = std::string(media_type),
          .digest = hash_of(as_bytes(bytes)),
          .size = bytes.size(),
          .platform = {},
          .annotations = {}};
}

class HttpRegistryTest : public testing::Test {
 protected:
  static constexpr const char* kIndex = R"({"schemaVersion":2,"manifests":[]})";
  static constexpr const char* kTagUrl = "https://r.example/v2/team/app/manifests/1";

  static constexpr RetryPolicy kAtOnce{.attempts = 3,
                                       .first_pause = {},
                                       .longest_pause = {},
                                       .give_up_after = std::chrono::seconds(60)};
  [[nodiscard]] fakes::DirectRegistry make(fakes::Logins logins = {}) {
    return {http, clock, {.retry = kAtOnce, .logins = std::move(logins)}};
  }
  static fakes::ScriptedAnswer index_answer() {
    return {.headers = {{"content-type", std::string(media_type::kOciIndex)}},
            .body = kIndex,
            .broken = {}};
  }
  static fakes::ScriptedAnswer status(int code, std::string body = {}) {
    return {.status = code, .headers = {}, .body = std::move(body), .broken = {}};
  }
  static fakes::ScriptedAnswer challenged(std::string header) {
    return {.status = 401,
            .headers = {{"www-authenticate", std::move(header)}},
            .body = {},
            .broken = {}};
  }
  static fakes::ScriptedAnswer redirect(std::string location, int code = 307) {
    return {
        .status = code, .headers = {{"location", std::move(location)}}, .body = {}, .broken = {}};
  }
  static fakes::ScriptedAnswer broken(Errc code, std::string body = {}) {
    return {.status = body.empty() ? 0 : 200,
            .headers = {},
            .body = std::move(body),
            .broken = Error{code, "it broke", ""}};
  }

  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  const Reference app = reference("r.example/team/app:1");
};

}  // namespace nodeproof::registry
