// Snapshots of a containerd that is not there, and processes that are.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/unpack/broker.hpp"
#include "common/file.hpp"

namespace nodeproof::unpack {

// Why layers cannot be written here at all: not root, or an emulated kernel without filters.
[[nodiscard]] std::string cannot_write();

#define SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN() \
  if (const std::string why = cannot_write(); !why.empty()) GTEST_SKIP() << why

class Snapshots {
 public:
  Snapshots();
  ~Snapshots();
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  // Made when it is not there; ".../snapshots/<number>/fs".
  [[nodiscard]] std::filesystem::path overlay(int number) const;
  [[nodiscard]] std::filesystem::path native(int number) const;

 private:
  std::filesystem::path root_;
};

// A broker whose writers call `write`.
[[nodiscard]] std::unique_ptr<LayerUnpacker> broker_with(WriteLayer write);

// What `write` comes to in a writer that is given `input`.
[[nodiscard]] Result<UnpackedLayer> outcome_of(WriteLayer write, std::string_view input = "");

[[nodiscard]] std::vector<pid_t> children_of(pid_t parent);
[[nodiscard]] std::string status_of(pid_t process, const std::string& key);

// Runs it in a process of its own; what it returns is what is wrong, "" = nothing.
[[nodiscard]] std::string in_child(const std::function<std::string()>& body);

// For what a writer of a test does: were it not confined, its root would be this machine's.
Result<> be_confined();

// Reads all, and writes nothing.
Result<UnpackedLayer> count_bytes(ByteReader& input, Whiteouts whiteouts);

void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace nodeproof::unpack
