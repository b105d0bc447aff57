// A collected report, as far as somebody who is trusted has signed it.
#pragma once

#include <span>
#include <string_view>

#include "agent/model.hpp"
#include "common/crypto_keys.hpp"

namespace nodeproof::report {

// `document`: what the report was read from, with its member "attestations". An image's verdict
// that none of the keys has signed for this very report (ReportNotSigned) is unknown, and so is
// the node's then. True when there is a statement, and nothing was left out.
bool believe_attested(NodeReport& report, std::string_view document,
                      std::span<const PublicKey> keys);

}  // namespace nodeproof::report
