// One container with the supervisor as its PID 1: the plan goes in, its answers come out.
#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/containerd/container_runtime.hpp"
#include "agent/model.hpp"
#include "agent/smoke/plan.hpp"
#include "agent/smoke/record.hpp"
#include "agent/smoke/spec.hpp"

namespace nodeproof::smoke {

struct ContainerInput {
  std::string id;
  Digest rootfs;  // chain ID of the top layer
  std::string working_dir;
  const HostFacts& host;
  std::filesystem::path binary;    // the static nodeproof, where containerd sees it
  std::filesystem::path work_dir;  // private, made 0700 when absent
  std::string lease;               // that holds the rootfs
  ContainerLimits limits;
  std::vector<std::string> scratch;
  std::filesystem::path list;  // of files to compare, see file_list.hpp; "" = none
  Allowed allowed = {};
  std::string runtime = {};  // handler of containerd's configuration; "" = runc
};

struct Answer {
  Records records;
  ContainerExit exit;
};

// What was written to work_dir is gone when it returns.
Result<Answer> ask_supervisor(const ContainerInput& input, const Plan& plan,
                              ContainerRuntime& runtime, std::stop_token stop);

// What a run that was killed left in its work_dir; no other may be running in it.
void remove_work_files(const std::filesystem::path& work_dir);

// An error that says nothing about any image, and so is no finding of this one.
[[nodiscard]] bool ends_all(Errc code);

// `prefix` and 16 random hex digits.
Result<std::string> random_id(std::string_view prefix);

// For so many bytes in so many files, on a bad SD card.
[[nodiscard]] std::chrono::milliseconds time_to_read(std::uint64_t bytes, std::uint64_t files);

}  // namespace nodeproof::smoke
