// GET /metrics for a Prometheus: read-only, nothing is triggered by it, and bounded in connections,
// size and time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/error.hpp"

namespace boost::asio {
class io_context;
}

namespace nodeproof {

class MetricsListener {
 public:
  using Render = std::function<std::string()>;  // in the loop, once per scrape

  // "127.0.0.1:9639" or "[::1]:9639". Listens when it returns.
  static Result<MetricsListener> listen(boost::asio::io_context& loop, const std::string& address,
                                        Render render);
  ~MetricsListener();  // open connections are closed
  MetricsListener(MetricsListener&&) noexcept;
  MetricsListener& operator=(MetricsListener&&) = delete;
  MetricsListener(const MetricsListener&) = delete;
  MetricsListener& operator=(const MetricsListener&) = delete;

 private:
  class Server;
  explicit MetricsListener(std::shared_ptr<Server> server);
  std::shared_ptr<Server> server_;
};

}  // namespace nodeproof
