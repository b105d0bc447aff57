// The word to the fleet: each receiver of reports is served by a short child of its own; who
// scrapes is answered from memory.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "agent/report/sink/schedule.hpp"

namespace boost::asio {
class io_context;
}

namespace nodeproof {

class DaemonSinks {
 public:
  struct Work {
    std::filesystem::path run_dir;
    std::chrono::milliseconds first_retry, silence, grace;
    std::function<std::string(const NodeReport& report)> metrics;  // for GET /metrics
    // argv of one attempt; empty = not now.
    std::function<std::vector<std::string>(const report::SinkSetting&, report::SinkAttempt)>
        command;
    std::function<void()> ended;  // after each attempt
  };

  DaemonSinks(boost::asio::io_context& loop, Work work);
  ~DaemonSinks();  // kills what still runs
  DaemonSinks(const DaemonSinks&) = delete;
  DaemonSinks& operator=(const DaemonSinks&) = delete;

  // Those of a configuration. Each is served anew: its receiver may be another one now.
  // `metrics_listen`: address:port, "" = nowhere.
  void configure(const std::vector<report::SinkSetting>& settings,
                 const std::string& metrics_listen);
  // There is a report; those that it is news to are served. Of one that says that nothing is
  // checked yet they hear when that does not pass soon.
  void announce(const NodeReport& report);

  void stop();
  [[nodiscard]] bool running() const;

 private:
  class Job;
  class Listening;
  struct Timer;
  void tell_jobs();
  void wait_for_check();

  boost::asio::io_context& loop_;
  const Work work_;
  std::vector<std::shared_ptr<Job>> jobs_;
  NodeReport announced_;
  bool untold_ = false;             // it says something that no job has been told of
  std::shared_ptr<Timer> waiting_;  // for the check that follows a start or a reload
  std::shared_ptr<Listening> listening_;
};

}  // namespace nodeproof
