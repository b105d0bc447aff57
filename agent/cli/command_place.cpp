#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "agent/cli/command.hpp"
#include "agent/cli/wiring.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::size_t kMaxProgram = std::size_t{256} << 20;

// A file that is the same already is left alone: a container may be running from it.
Result<> place(const std::filesystem::path& target) {
  const auto program = read_file(TRY(own_binary()), kMaxProgram);
  if (!program) return std::unexpected(program.error());
  const auto there = read_file(target, kMaxProgram);
  if (there && *there == *program) return {};
  return write_file_atomically(target, *program, 0755);
}

}  // namespace

// In a pod: smoke containers mount this program, so it has to lie where containerd sees it, under
// the same path.
Action declare_place(CLI::App& app) {
  auto target = std::make_shared<std::string>();
  app.add_option("file", *target, "where this program is copied to")->required();
  return [target](Session& session) {
    const auto placed = place(*target);
    return placed ? +exit_ok : complain(session, placed.error());
  };
}

}  // namespace nodeproof::cli
