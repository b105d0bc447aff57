// The supervisor's records and the container's end -> the smoke report. Pure.
#pragma once

#include <optional>
#include <string>

#include "agent/containerd/container_runtime.hpp"
#include "agent/model.hpp"
#include "agent/smoke/record.hpp"

namespace nodeproof::smoke {

struct DecodeInput {
  const Plan& plan;
  const std::vector<SmokeTest>& tests;  // as planned, in the same order
  const Records& records;
  std::string program;  // of the loader's dry run
  const HostFacts& host;
  Emulation emulation = Emulation::refuse;
  ContainerExit exit;
  std::string image = {};  // as the user names it
};

// One result per test; what has no record is skipped, and unknown.
[[nodiscard]] SmokeReport decode(const DecodeInput& input);

// The report when no supervisor ever ran: every test skipped, SmokeNotRun with the runtime's
// reason.
[[nodiscard]] SmokeReport decode_not_run(const std::vector<SmokeTest>& tests, const Error& error);

// Nothing of the image was executed, and nothing could be: info.
[[nodiscard]] Finding not_executed();

}  // namespace nodeproof::smoke
