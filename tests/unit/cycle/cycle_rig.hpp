// A whole node in memory: a Raspberry Pi 4's facts, a registry, a containerd, and containers that
// do as they are told.
#pragma once

#include <string>
#include <vector>

#include "agent/cycle.hpp"
#include "agent/smoke/record.hpp"
#include "tests/fakes/fake_chain_store.hpp"
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
  // Of one layer for each content; the first one holds the program.
  Descriptor push_layers(const std::string& reference, const std::vector<std::string>& contents);
  RequiredImage& require(const std::string& reference);    // with a declared test
  void tests_exit_with(int status, bool declared = true);  // false: there is no test to run
  // Each container that compares files finds this one wrong until something is unpacked; "" = all
  // are right.
  void damage(const std::string& path, smoke::FileProblem problem = smoke::FileProblem::empty);
  void power_cut();  // the boot before this one did not end in order
  // How many files each container that did nothing else was asked to compare.
  [[nodiscard]] const std::vector<std::size_t>& comparisons() const { return comparisons_; }
  NodeReport run(const std::stop_token& stop = {});

  fakes::FakeClock clock;
  FakeRegistry registry;
  FakeImageStore store;
  FakeChainStore chains{store};
  FakeRuntime runtime;
  CycleConfig config;

 private:
  FakeImage image(const std::string& architecture, const std::string& content) const;
  bool compare(const ContainerRequest& request);
  fakes::TempFolder home_;
  std::string damaged_;
  std::size_t unpacked_ = 0;  // layers, when it was damaged
  smoke::FileProblem problem_ = smoke::FileProblem::empty;
  std::vector<std::size_t> comparisons_;
};

}  // namespace nodeproof
