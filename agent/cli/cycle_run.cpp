#include "agent/cli/cycle_run.hpp"

#include <algorithm>

#include "agent/cli/image_source.hpp"
#include "agent/cli/lock.hpp"
#include "agent/cli/required_images.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/state_room.hpp"

namespace nodeproof::cli {

CycleConfig cycle_config(const Globals& globals, config::Config config) {
  CycleConfig cycle;
  cycle.config_digest = config::config_digest(config);
  cycle.settings = std::move(config);
  // containerd mounts what lies there, and runs elsewhere.
  std::error_code ignored;
  cycle.state_dir = std::filesystem::absolute(globals.state_dir, ignored);
  cycle.run_dir = std::filesystem::absolute(globals.run_dir, ignored);
  return cycle;
}

void name_images(CycleConfig& cycle, const std::vector<std::string>& references, bool keep) {
  cycle.ad_hoc = true;
  cycle.keep = keep;
  std::vector<RequiredImage> named;
  for (const std::string& reference : references) {
    const auto known =
        std::ranges::find(cycle.settings.images, reference, &RequiredImage::reference);
    RequiredImage image;
    if (known != cycle.settings.images.end()) image = *known;
    image.reference = reference;
    image.required = true;
    image.when = {};
    named.push_back(std::move(image));
  }
  cycle.settings.images = std::move(named);
}

Result<NodeReport> run_once(CycleConfig& cycle, const Means& means, ProgressSink progress,
                            const std::stop_token& stop) {
  TRY(make_directories(cycle.state_dir, 0700));
  TRY(make_directories(cycle.run_dir));
  const InstanceLock lock = TRY(InstanceLock::take(cycle.state_dir));
  cycle.binary = TRY(own_binary());
  registry::PodLogins logins;
  if (!cycle.ad_hoc) logins = find_required(cycle, Ask::everything, stop);
  const auto images = TRY(
      ImageSource::open(cycle.settings, means.from, references_in(cycle.settings.images), logins));
  TRY(images->usable());
  const auto containerd = TRY(ContainerdAccess::open(cycle.settings, stop));
  const SystemClock clock;
  Ports ports{images->registry(),  containerd->store(), containerd->runtime(), clock,
              std::move(progress), images->near(),      &containerd->chains(), means.unpack};
  NodeReport report = run_cycle(cycle, ports, stop);
  keep_within(StateRoom{}, cycle, clock);
  return report;
}

Result<RepairReport> run_repair(CycleConfig& cycle, const RepairRequest& request,
                                ProgressSink progress, const std::stop_token& stop) {
  TRY(make_directories(cycle.state_dir, 0700));
  TRY(make_directories(cycle.run_dir));
  const InstanceLock lock = TRY(InstanceLock::take(cycle.state_dir));
  cycle.binary = TRY(own_binary());
  const registry::PodLogins logins = find_required(cycle, Ask::to_plan, stop);
  const bool known = std::ranges::find(cycle.settings.images, request.image,
                                       &RequiredImage::reference) != cycle.settings.images.end();
  name_images(cycle, {request.image}, true);
  cycle.ad_hoc = !known;
  const auto images = TRY(ImageSource::open(cycle.settings, request.means.from,
                                            references_in(cycle.settings.images), logins));
  TRY(images->usable());
  const auto containerd = TRY(ContainerdAccess::open(cycle.settings, stop));
  const SystemClock clock;
  Ports ports{images->registry(),
              containerd->store(),
              containerd->runtime(),
              clock,
              std::move(progress),
              images->near(),
              nullptr,
              request.means.unpack};
  return repair(cycle, ports, containerd->chains(), request.dry_run, stop);
}

}  // namespace nodeproof::cli
