// The steps of one publish(), each of which may fail by itself.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/kubernetes/client.hpp"
#include "agent/kubernetes/events.hpp"
#include "agent/kubernetes/memory.hpp"
#include "agent/kubernetes/node.hpp"
#include "agent/kubernetes/publish.hpp"

namespace nodeproof::kubernetes {

class Publisher {
 public:
  struct Wiring {
    Client& client;
    Client& taints;  // maybe the same
    const Clock& clock;
  };
  // All but the memory outlive it.
  Publisher(const NodeReport& report, const Options& options, Wiring wiring, Memory memory);

  [[nodiscard]] Published run(const std::stop_token& stop);

 private:
  Result<> write_condition();
  Result<> write_labels();
  Result<> lift_taint();
  Result<> send_owed_event();
  Result<> send_event(const EventText& text);
  Result<> send_new_event(const EventText& text);

  void note(const Result<>& step);
  [[nodiscard]] bool due(const Condition& standing) const;
  // Any answer that is not a success is an error; conflicts are tried again.
  Result<Answer> ask(Client& client, const Call& call);
  Result<Node> node_from(Client& client, const Call& call);
  Result<Node> get_node(Client& client);
  [[nodiscard]] std::string now_text() const { return to_rfc3339(now_); }

  const NodeReport& report_;
  const Options& options_;
  const Wiring wiring_;
  const std::chrono::system_clock::time_point now_;
  std::stop_token stop_;
  Memory memory_;
  std::optional<Node> node_;  // as this run saw it last
  Condition wanted_;          // without times
  unsigned named_ = 0;        // events, in this run
  bool hopeless_ = false;     // the server is away, or wants to be left alone
  Published out_;
};

}  // namespace nodeproof::kubernetes
