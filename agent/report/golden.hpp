// What the tests of an image gave on a reference node, as a statement that can be signed: in-toto
// Statement v1 with the predicate test-result v0.1. What that has no field for is in its extension
// "https://nodeproof.dev/golden/v1".
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"
#include "common/crypto_keys.hpp"
#include "common/dsse.hpp"
#include "common/error.hpp"

namespace nodeproof::report {

inline constexpr std::string_view kStatementType = "application/vnd.in-toto+json";
inline constexpr std::string_view kTestResult = "https://in-toto.io/attestation/test-result/v0.1";

struct GoldenTest {
  std::string name;
  int exit = -1;
  std::string normalised_sha256, test_sha256;  // as SmokeResult's
  friend bool operator==(const GoldenTest&, const GoldenTest&) = default;
};

struct GoldenRecord {
  std::string reference;  // of the image, as it was required there
  std::string digest;     // of its index, or of its one manifest
  std::string node, platform, board, kernel;
  std::uint64_t page_size = 0;  // bytes
  std::chrono::system_clock::time_point time;
  std::uint64_t sequence = 0;
  std::string boot_id, agent_version;
  std::vector<GoldenTest> tests;
  friend bool operator==(const GoldenRecord&, const GoldenRecord&) = default;
};

// Errc::not_found when the report has no such image, unsupported when its tests are no reference:
// one failed, or none was run.
Result<GoldenRecord> golden_of(const NodeReport& report, const std::string& image);

[[nodiscard]] std::string to_statement(const GoldenRecord& record);
// Errc::unsupported for statements about something else.
Result<GoldenRecord> from_statement(std::string_view text);

struct GoldenChoice {
  std::optional<GoldenRecord> record;  // the newest that is about the image and signed by a key
  std::string signer;                  // that key's id
  // Of the others: why each is not taken. Those about other images have no word here.
  std::vector<std::string> untrusted, unreadable;
};

// `digest`: of the image's index. Envelopes that hold other kinds of statements are passed over.
[[nodiscard]] GoldenChoice choose_golden(std::span<const std::string> envelopes,
                                         const std::string& digest,
                                         std::span<const PublicKey> keys);

struct GoldenSubject {
  std::string image;     // the findings' subject
  std::string node;      // this one
  std::string platform;  // that was run here
};

// OutputDiffers for each test that was run here and ended or wrote otherwise; NoReference for what
// could not be compared.
[[nodiscard]] std::vector<Finding> beside_golden(const GoldenRecord& record,
                                                 const std::vector<SmokeResult>& results,
                                                 const GoldenSubject& here);

}  // namespace nodeproof::report
