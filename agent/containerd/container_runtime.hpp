// The ContainerRuntime port: run one short-lived container on an unpacked image and leave nothing
// behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"

namespace nodeproof {

struct ContainerRequest {
  std::string id;           // unique; becomes the snapshot key too
  Digest rootfs;            // chain ID the container's own snapshot is prepared on
  std::string spec_json;    // OCI runtime-spec config.json
  std::string stdout_path;  // host path the shim appends the container's stdout and stderr to; "" =
                            // /dev/null
  std::string lease;
  Labels labels;                              // ours only, never the image's
  std::chrono::milliseconds deadline{60000};  // from the task's start; then SIGKILL to all
  std::string runtime = {};  // handler in containerd's CRI configuration; "" = runc
};

struct ContainerExit {
  std::uint32_t status = 0;  // as the shim reports it: exit code, or 128 + signal
  bool timed_out = false;
  bool out_of_memory = false;
  double seconds = 0;
};

class ContainerRuntime {
 public:
  virtual ~ContainerRuntime() = default;

  // Version, namespace, snapshotter, CRI and cgroup driver of the containerd behind the socket.
  virtual Result<ContainerdFacts> facts(std::stop_token stop) = 0;

  // Prepares, creates, starts, waits, deletes; container, task and snapshot are gone when it
  // returns, whatever happened.
  virtual Result<ContainerExit> run(const ContainerRequest& request, std::stop_token stop) = 0;

  // Removes containers, tasks and snapshots of an earlier run of ours (label nodeproof.dev/smoke),
  // nothing else. Returns how many containers were removed.
  virtual Result<unsigned> sweep(std::stop_token stop) = 0;
};

}  // namespace nodeproof
