#include "tests/unit/cycle/cycle_rig.hpp"

#include <cstdlib>
#include <fstream>

#include "agent/boot_state.hpp"
#include "agent/host/host.hpp"
#include "agent/smoke/file_list.hpp"
#include "agent/smoke/record.hpp"
#include "agent/smoke/spec.hpp"
#include "common/json.hpp"
#include "tests/fakes/elf_writer.hpp"
#include "tests/fakes/fixtures.hpp"
#include "tests/fakes/tar_writer.hpp"

namespace nodeproof {
namespace {

constexpr std::uint16_t kAarch64 = 183, kX86 = 62, kExecutable = 2;

}  // namespace

CycleRig::CycleRig() {
  config.host_root = fakes::fixtures() / "hosts/pi4";
  config.state_dir = home_.path() / "state";
  config.run_dir = home_.path() / "run";
  config.binary = "/usr/bin/nodeproof";
  tests_exit_with(0);
  const BootState boots(config.state_dir);
  const std::string boot = host::read_host(config.host_root).boot_id;
  if (!boots.stopped("the boot before") || !boots.started(boot)) std::abort();
}

void CycleRig::power_cut() { std::filesystem::remove(config.state_dir / "boot.json"); }

void CycleRig::damage(const std::string& path, smoke::FileProblem problem) {
  damaged_ = path;
  problem_ = problem;
  unpacked_ = store.count("unpack");
}

// As the supervisor does, where a container has a list of files.
bool CycleRig::compare(const ContainerRequest& request) {
  const auto spec = json::parse(request.spec_json);
  const json::Value* mounts = spec ? spec->find("mounts") : nullptr;
  if (mounts == nullptr) return false;
  for (const json::Value& mount : mounts->items()) {
    if (mount.string_or("destination", "").value_or("") != smoke::kListInside) continue;
    std::ofstream out(request.stdout_path);
    std::uint64_t place = 0, wrong = 0;
    std::optional<unsigned> lowest;
    const auto done = smoke::read_list(
        mount.string_or("source", "").value_or(""), [&](const auto& file) -> Result<> {
          if (file.path == damaged_ && store.count("unpack") == unpacked_) {
            out << smoke::file_line({file.path, problem_, 0, "", 0, place});
            lowest = file.layer;
            ++wrong;
          }
          ++place;
          return {};
        });
    out << smoke::files_line(place, wrong, lowest) << smoke::kEndLine;
    comparisons_.push_back(place);
    return done.has_value();
  }
  return false;
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

Descriptor CycleRig::push_layers(const std::string& reference,
                                 const std::vector<std::string>& contents) {
  FakeImage made = image("arm64", contents.front());
  for (std::size_t i = 1; i < contents.size(); ++i) {
    const std::string tar =
        fakes::TarWriter().file("content" + std::to_string(i), contents[i]).str();
    made.layers.push_back({tar, "", "application/vnd.oci.image.layer.v1.tar"});
  }
  return push_index(registry, {push_image(registry, made)}, reference);
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
  runtime.behave(
      [this, status, declared](const ContainerRequest& request) -> Result<ContainerExit> {
        if (compare(request)) return ContainerExit{};
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
  Ports ports{registry, store, runtime, clock, [](const Progress&) {}, nullptr, &chains};
  return run_cycle(config, ports, stop);
}

}  // namespace nodeproof
