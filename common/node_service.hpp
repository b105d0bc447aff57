// A service of the node itself, such as its kubelet, found among the running processes.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nodeproof {

class CommandLine {
 public:
  CommandLine() = default;
  explicit CommandLine(std::vector<std::string> words) : words_(std::move(words)) {}
  // As /proc/PID/cmdline has it: each word ends in a NUL.
  [[nodiscard]] static CommandLine of_process(std::string_view text);

  [[nodiscard]] bool empty() const { return words_.empty(); }
  // What was started: the file's name alone, without what it says of itself behind a space
  // ("/usr/local/bin/k3s server").
  [[nodiscard]] std::string_view program() const;
  // "--flag=value" or "--flag" "value"; the last one counts; "" without it.
  [[nodiscard]] std::string value_of(std::string_view flag) const;

 private:
  std::vector<std::string> words_;
};

// The command line of one of these programs. Anybody can call a program kubelet, a container's root
// too: what is in a container does not count, nor, where we are root, what has any other user's ID.
[[nodiscard]] std::optional<CommandLine> find_service(const std::filesystem::path& root,
                                                      std::span<const std::string_view> programs,
                                                      bool we_are_root);

}  // namespace nodeproof
