// What this node has proven, for receivers that trust a key and not a channel: a signed in-toto
// Statement v1 for each image, with the predicate test-result v0.1. What that has no field for is
// in its extension "https://nodeproof.dev/node/v1": the node, its boot id and the report's sequence
// (it only grows, over boots too), by which a replayed statement is told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "common/crypto_keys.hpp"
#include "common/dsse.hpp"
#include "common/error.hpp"

namespace nodeproof::report {

// Nothing for an image whose verdict or digest is not known: test-result has no word for that, and
// what is not known is no pass.
[[nodiscard]] std::optional<std::string> image_statement(const NodeReport& report,
                                                         const ImageReport& image);

// One envelope per image that has a statement, in the report's order.
Result<std::vector<dsse::Envelope>> attest(const NodeReport& report, const PrivateKey& key);

// The report's document with the member "attestations" at its end.
[[nodiscard]] std::string with_attestations(const std::string& document,
                                            const std::vector<dsse::Envelope>& attestations);

}  // namespace nodeproof::report
