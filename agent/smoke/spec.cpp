#include "agent/smoke/spec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <span>
#include <string_view>

#include "agent/smoke/seccomp.hpp"
#include "common/json.hpp"

namespace nodeproof::smoke {
namespace {

using Words = std::vector<std::string>;

struct Mount {
  std::string destination, type, source;
  Words options;
};

void write(json::Writer& writer, const Mount& mount) {
  writer.begin_object()
      .member("destination", mount.destination)
      .member("type", mount.type)
      .member("source", mount.source)
      .member("options", mount.options)
      .end_object();
}

// Scripts and programs of the operator's may be executed from there. Not recursive: read-only holds
// for the one mount alone. Parents come before what is mounted below them.
std::vector<Mount> allowed_mounts(const SpecInput& input) {
  const std::string size = "size=" + std::to_string(input.limits.tmp_bytes);
  std::vector<Mount> mounts;
  mounts.reserve(input.allowed.mounts.size() + input.allowed.tmpfs.size() +
                 input.allowed.volumes.size());
  for (const SandboxMount& mount : input.allowed.mounts) {
    mounts.push_back({mount.target, "bind", mount.source, {"bind", "ro", "nosuid", "nodev"}});
  }
  for (const std::string& path : input.allowed.tmpfs) {
    mounts.push_back({path, "tmpfs", "tmpfs", {"nosuid", "nodev", "mode=1777", size}});
  }
  for (const std::string& path : input.allowed.volumes) {
    Words options = {"nosuid", "nodev", "tmpcopyup", size};
    // What is copied keeps its owner; the directory itself would be root's.
    if (const auto owner = input.allowed.owners.find(path); owner != input.allowed.owners.end()) {
      options.push_back("uid=" + std::to_string(owner->second.first));
      options.push_back("gid=" + std::to_string(owner->second.second));
    }
    mounts.push_back({path, "tmpfs", "tmpfs", std::move(options)});
  }
  std::ranges::sort(mounts, {}, &Mount::destination);
  return mounts;
}

std::vector<Mount> mounts_of(const SpecInput& input) {
  const Words bind = {"bind", "ro", "nosuid", "nodev"};
  const Words plain = {"nosuid", "noexec", "nodev"};
  const std::string tmp_size = "size=" + std::to_string(input.limits.tmp_bytes);
  std::vector<Mount> mounts = {
      {"/proc", "proc", "proc", plain},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=1m"}},
      {"/dev/pts",
       "devpts",
       "devpts",
       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", tmp_size}},
      {"/dev/mqueue", "mqueue", "mqueue", plain},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
      {std::string(kCgroupInside),
       "cgroup",
       "cgroup",
       {"nosuid", "noexec", "nodev", "relatime", "ro"}},
  };
  for (const std::string& path : input.scratch) {
    const std::string mode = path == "/tmp" ? "mode=1777" : "mode=755";
    // With the directories the image has there, which belong to its users: /run/postgresql.
    mounts.push_back({path, "tmpfs", "tmpfs", {"nosuid", "nodev", "tmpcopyup", mode, tmp_size}});
  }
  std::ranges::move(allowed_mounts(input), std::back_inserter(mounts));
  mounts.push_back({std::string(kBinaryInside), "bind", input.binary, bind});
  const Words data = {"bind", "ro", "nosuid", "nodev", "noexec"};
  mounts.push_back({std::string(kPlanInside), "bind", input.plan, data});
  if (!input.list.empty()) mounts.push_back({std::string(kListInside), "bind", input.list, data});
  return mounts;
}

void write_process(json::Writer& writer, const SpecInput& input) {
  // SETUID, SETGID, SETPCAP: to make each test the image's user without any capability;
  // DAC_READ_SEARCH: to compare files nobody may read; KILL: to end what a test started.
  const Words capabilities = {"CAP_DAC_READ_SEARCH", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
                              "CAP_SETPCAP"};
  const bool absolute = input.working_dir.starts_with('/');
  writer.begin_object().member("terminal", false).key("user").begin_object();
  writer.member("uid", std::uint64_t{0}).member("gid", std::uint64_t{0}).end_object();
  writer.member("args", Words{std::string(kBinaryInside), "probe", std::string(kPlanInside)});
  Words env = {"PATH=/"};
  env.insert(env.end(), input.allowed.env.begin(), input.allowed.env.end());
  writer.member("env", env).member("cwd", absolute ? input.working_dir : "/");
  writer.key("capabilities").begin_object();
  for (const char* set : {"bounding", "effective", "permitted"}) writer.member(set, capabilities);
  for (const char* set : {"inheritable", "ambient"}) writer.member(set, Words{});
  writer.end_object().key("rlimits").begin_array().begin_object().member("type", "RLIMIT_CORE");
  writer.member("hard", std::uint64_t{0}).member("soft", std::uint64_t{0}).end_object().end_array();
  writer.member("noNewPrivileges", true).end_object();
}

bool has_controller(const HostFacts& host, std::string_view name) {
  return std::ranges::find(host.cgroup_controllers, name) != host.cgroup_controllers.end();
}

void write_devices(json::Writer& writer, const std::vector<HostDevice>& devices) {
  writer.begin_array();
  for (const HostDevice& device : devices) {
    writer.begin_object().member("path", device.path);
    writer.member("type", std::string(1, device.type));
    writer.member("major", std::uint64_t{device.major});
    writer.member("minor", std::uint64_t{device.minor});
    writer.member("fileMode", std::uint64_t{device.mode});
    writer.member("uid", std::uint64_t{device.uid}).member("gid", std::uint64_t{device.gid});
    writer.end_object();
  }
  writer.end_array();
}

// No swap limit: kernels without swap accounting refuse it and runc then refuses the container.
void write_resources(json::Writer& writer, const SpecInput& input) {
  writer.begin_object().key("devices").begin_array().begin_object();
  writer.member("allow", false).member("access", "rwm").end_object();
  for (const HostDevice& device : input.allowed.devices) {
    writer.begin_object().member("allow", true).member("type", std::string(1, device.type));
    writer.member("major", std::uint64_t{device.major});
    writer.member("minor", std::uint64_t{device.minor}).member("access", "rw").end_object();
  }
  writer.end_array();
  if (has_controller(input.host, "memory")) {
    writer.key("memory").begin_object().member("limit", input.limits.memory_bytes).end_object();
  }
  if (has_controller(input.host, "pids")) {
    writer.key("pids").begin_object().member("limit", input.limits.pids).end_object();
  }
  if (has_controller(input.host, "cpu")) {
    writer.key("cpu").begin_object().member("shares", input.limits.cpu_shares).end_object();
  }
  writer.end_object();
}

// net.ipv4.ip_unprivileged_port_start is there since Linux 4.11; runc refuses what is not.
bool has_port_start(std::string_view release) {
  unsigned major = 0, minor = 0;
  const auto read = [](std::string_view text, unsigned& number) {
    return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
  };
  const std::size_t dot = release.find('.');
  if (dot == release.npos || !read(release.substr(0, dot), major)) return false;
  return read(release.substr(dot + 1), minor) && (major > 4 || (major == 4 && minor >= 11));
}

// A service's port 80 needs no capability, as with Docker and containerd 2.
void write_sysctl(json::Writer& writer, const SpecInput& input) {
  if (!has_port_start(input.host.kernel_release)) return;
  writer.key("sysctl").begin_object();
  writer.member("net.ipv4.ip_unprivileged_port_start", "0").end_object();
}

void write_linux(json::Writer& writer, const SpecInput& input, const SeccompProfile& profile) {
  const bool systemd = input.host.containerd && input.host.containerd->systemd_cgroup;
  Words namespaces = {"pid", "network", "ipc", "uts", "mount"};
  if (input.host.cgroup_v2) namespaces.emplace_back("cgroup");
  writer.begin_object().key("namespaces").begin_array();
  for (const std::string& name : namespaces)
    writer.begin_object().member("type", name).end_object();
  writer.end_array();
  writer.member("cgroupsPath",
                systemd ? "nodeproof.slice:nodeproof:" + input.id : "/nodeproof.slice/" + input.id);
  write_resources(writer.key("resources"), input);
  if (!input.allowed.devices.empty()) {
    write_devices(writer.key("devices"), input.allowed.devices);
  }
  write_sysctl(writer, input);
  writer.member("maskedPaths",
                Words{"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
                      "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
                      "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware"});
  writer.member("readonlyPaths",
                Words{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"});
  write(writer.key("seccomp"), profile);
  writer.end_object();
}

}  // namespace

Result<std::string> container_spec(const SpecInput& input) {
  const SeccompProfile profile = TRY(seccomp_profile(input.host.platform.architecture));
  json::Writer writer;
  writer.begin_object().member("ociVersion", "1.0.2").member("hostname", "nodeproof");
  write_process(writer.key("process"), input);
  writer.key("root").begin_object().member("path", "rootfs").member("readonly", true).end_object();
  writer.key("mounts").begin_array();
  for (const Mount& mount : mounts_of(input)) write(writer, mount);
  writer.end_array();
  write_linux(writer.key("linux"), input, profile);
  return writer.end_object().str();
}

}  // namespace nodeproof::smoke
