// Certificates of the configuration that end soon: who renews them must hear of it before the fleet
// falls silent.
#pragma once

#include <chrono>
#include <vector>

#include "agent/config/config.hpp"
#include "agent/model.hpp"

namespace nodeproof {

// CertificateExpiring, a warning, from 30 days before the end on; its words change at 7 days, at 1
// and at the end. A file that cannot be read is for its user to name. Of authorities only those in
// a file of their own: a bundle holds some that have ended, to nobody's harm.
[[nodiscard]] std::vector<Finding> expiring_certificates(const config::Config& config,
                                                         std::chrono::system_clock::time_point now);

}  // namespace nodeproof
