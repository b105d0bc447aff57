#include "tests/unit/unpack/rig.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "agent/unpack/rights.hpp"
#include "agent/unpack/stream.hpp"

namespace nodeproof::unpack {

namespace fs = std::filesystem;

std::string cannot_write() {
  const auto held = capabilities();
  if (!held) return held.error().message;
  const std::string lacking = missing(kToWrite | kToConfine, *held);
  if (!lacking.empty()) return "without " + lacking;
  return prctl(PR_GET_SECCOMP) < 0 ? "this kernel has no filters of system calls" : "";
}

Snapshots::Snapshots() {
  std::string name = (temporary_folder() / "unpack.XXXXXX").string();
  if (mkdtemp(name.data()) != nullptr) root_ = name;
}

Snapshots::~Snapshots() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

fs::path Snapshots::overlay(int number) const {
  const fs::path path = root_ / "io.containerd.snapshotter.v1.overlayfs" / "snapshots" /
                        std::to_string(number) / "fs";
  fs::create_directories(path);
  return path;
}

fs::path Snapshots::native(int number) const {
  const fs::path path =
      root_ / "io.containerd.snapshotter.v1.native" / "snapshots" / std::to_string(number);
  fs::create_directories(path);
  return path;
}

std::unique_ptr<LayerUnpacker> broker_with(WriteLayer write) {
  auto unpacker = start_unpack_broker(write);
  if (!unpacker) {
    ADD_FAILURE() << unpacker.error().message;
    std::abort();
  }
  return std::move(*unpacker);
}

Result<UnpackedLayer> outcome_of(WriteLayer write, std::string_view input) {
  const Snapshots snapshots;
  const auto unpacker = broker_with(write);
  auto writing = unpacker->begin({snapshots.overlay(1).string(), Whiteouts::overlay});
  if (!writing) return std::unexpected(writing.error());
  (*writing)->write(as_bytes(input));
  return (*writing)->finish();
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t process = std::atoi(name.c_str());
    if (status_of(process, "PPid") == std::to_string(parent)) children.push_back(process);
  }
  return children;
}

std::string status_of(pid_t process, const std::string& key) {
  const std::string status = read_file("/proc/" + std::to_string(process) + "/status").value_or("");
  const std::string start = "\n" + key + ":\t";
  const std::size_t at = status.find(start);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + start.size();
  return status.substr(begin, status.find('\n', begin) - begin);
}

std::string in_child(const std::function<std::string()>& body) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe";
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    const bool told = send_all(write_end.get(), body()).has_value();
    _exit(told ? 0 : 1);
  }
  write_end.reset();
  const auto said = read_all(read_end.get(), 1 << 20);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) return "it ended with status " + std::to_string(status);
  return said.value_or("it said too much");
}

Result<> be_confined() {
  if (access("/proc", F_OK) == 0) return fail(Errc::internal, "the writer sees this machine");
  return {};
}

Result<UnpackedLayer> count_bytes(ByteReader& input, Whiteouts /*whiteouts*/) {
  UnpackedLayer layer;
  std::vector<std::byte> buffer(65536);
  for (;;) {
    const std::size_t count = TRY(input.read(buffer));
    if (count == 0) return layer;
    layer.bytes += count;
  }
}

void write_file(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace nodeproof::unpack
