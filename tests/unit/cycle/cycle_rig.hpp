// A whole node in memory: a Raspberry Pi 4's facts, a registry, a containerd, and containers that
// do as they are told.
#pragma once

#include <string>

#include "agent/cycle.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_image.hpp"
#include "tests/fakes/fake_image_store.hpp"
#include "tests/fakes/fake_registry.hpp"
#include "tests/fakes/fake_runtime.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {

class CycleRig {
 public:
  CycleRig();
  ~CycleRig() = default;
  CycleRig(const CycleRig&) = delete;
  CycleRig& operator=(const CycleRig&) = delete;

  // An image of one static program, for arm64 and amd64; `content` makes it a different one.
  Descriptor push(const std::string& reference, const std::string& content = "1");
  Descriptor push_for(const std::string& reference, const std::string& architecture);
  RequiredImage& require(const std::string& reference);    // with a declared test
  void tests_exit_with(int status, bool declared = true);  // false: there is no test to run
  NodeReport run(const std::stop_token& stop = {});

  fakes::FakeClock clock;
  FakeRegistry registry;
  FakeImageStore store;
  FakeRuntime runtime;
  CycleConfig config;

 private:
  FakeImage image(const std::string& architecture, const std::string& content) const;
  fakes::TempFolder home_;
};

}  // namespace nodeproof
