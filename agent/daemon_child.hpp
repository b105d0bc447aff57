// One cycle as a child process: its lines in, its outcome out, and no way to outlive its
// supervisor.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "common/error.hpp"

namespace boost::asio {
class io_context;
}

namespace nodeproof {

// Exactly one of report and error.
struct CycleOutcome {
  std::optional<NodeReport> report;
  std::optional<Error>
      error;  // Errc::internal = crashed, hung or talked nonsense; else what the child itself said
};

class CycleChild {
 public:
  using OnProgress = std::function<void(const Progress&)>;
  using OnEnd = std::function<void(CycleOutcome)>;

  // A child that writes no line for `silence` is killed; one that is stopped has `grace` from
  // SIGTERM to SIGKILL.
  CycleChild(boost::asio::io_context& loop, std::chrono::milliseconds silence,
             std::chrono::milliseconds grace);
  ~CycleChild();  // kills what still runs
  CycleChild(const CycleChild&) = delete;
  CycleChild& operator=(const CycleChild&) = delete;

  // Only when none runs. on_end is called once, from the loop, after the child was reaped.
  Result<> start(const std::vector<std::string>& argv, OnProgress on_progress, OnEnd on_end);
  [[nodiscard]] bool running() const;
  void stop();

 private:
  class Run;
  boost::asio::io_context& loop_;
  std::chrono::milliseconds silence_, grace_;
  std::shared_ptr<Run> run_;
};

}  // namespace nodeproof
