#include "tests/unit/cycle/cycle_rig.hpp"

#include <cstdlib>
#include <fstream>

#include "agent/smoke/record.hpp"
#include "tests/fakes/elf_writer.hpp"
#include "tests/fakes/tar_writer.hpp"

namespace nodeproof {
namespace {

constexpr std::uint16_t kAarch64 = 183, kX86 = 62, kExecutable = 2;

}  // namespace

CycleRig::CycleRig() {
  config.host_root = std::filesystem::path(NODEPROOF_FIXTURES) / "hosts/pi4";
  config.state_dir = home_.path() / "state";
  config.run_dir = home_.path() / "run";
  config.binary = "/usr/bin/nodeproof";
  tests_exit_with(0);
}

FakeImage CycleRig::image(const std::string& architecture, const std::string& content) const {
  const std::string program =
      fakes::make_elf({.type = kExecutable, .machine = architecture == "arm64" ? kAarch64 : kX86});
  const std::string tar = fakes::TarWriter()
                              .directory("bin")
                              .file("bin/app", program, 0755)
                              .file("content", content)
                              .str();
  FakeImage made;
  made.platform = {"linux", architecture, "", "", {}};
  made.layers = {{tar, "", "application/vnd.oci.image.layer.v1.tar"}};
  return made;
}

Descriptor CycleRig::push(const std::string& reference, const std::string& content) {
  return push_index(registry,
                    {push_image(registry, image("amd64", content)),
                     push_image(registry, image("arm64", content))},
                    reference);
}

Descriptor CycleRig::push_for(const std::string& reference, const std::string& architecture) {
  return push_index(registry, {push_image(registry, image(architecture, "1"))}, reference);
}

RequiredImage& CycleRig::require(const std::string& reference) {
  RequiredImage required;
  required.reference = reference;
  SmokeTest test;
  test.name = "starts";
  test.args = {"/bin/app"};
  required.smoke = {test};
  config.settings.images.push_back(required);
  return config.settings.images.back();
}

void CycleRig::tests_exit_with(int status, bool declared) {
  runtime.behave([status, declared](const ContainerRequest& request) -> Result<ContainerExit> {
    smoke::RunRecord record;
    record.state = smoke::RunState::exited;
    record.exit = status;
    std::ofstream out(request.stdout_path);
    out << smoke::files_line(1, 0);
    if (declared) out << smoke::test_line(0, record);
    out << smoke::kEndLine;
    return ContainerExit{};
  });
}

NodeReport CycleRig::run(const std::stop_token& stop) {
  Ports ports{registry, store, runtime, clock, [](const Progress&) {}};
  return run_cycle(config, ports, stop);
}

}  // namespace nodeproof
