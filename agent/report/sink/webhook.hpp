// Reports as CloudEvents to an HTTP receiver (CloudEvents HTTP webhook specification). What it does
// not take waits on the disk: the newest state is sent first, then what was missed, oldest first.
#pragma once

#include <filesystem>

#include "agent/report/sink/cloud_event.hpp"
#include "agent/report/sink/post.hpp"
#include "agent/report/sink/sink.hpp"
#include "agent/report/sink/spool.hpp"
#include "common/clock.hpp"

namespace nodeproof::report {

struct WebhookSettings {
  PostTarget target;
  std::filesystem::path spool;
  SpoolCap cap;
};

class WebhookSink final : public Sink {
 public:
  // Both outlive it.
  WebhookSink(HttpClient& http, const Clock& clock, WebhookSettings settings)
      : http_(http), clock_(clock), settings_(std::move(settings)) {}

  Result<> deliver(const Delivery& delivery, SinkState& state,
                   const std::stop_token& stop) override;

 private:
  enum class Fate { taken, refused, gone, later };
  struct Sent {
    Fate fate = Fate::later;
    Error error;  // unless it was taken
    std::optional<std::chrono::seconds> retry_after = {};
  };
  [[nodiscard]] Sent send(const std::string& event, const std::stop_token& stop) const;
  Result<> deliver_with(Spool& spool, const Delivery& delivery, SinkState& state,
                        const std::stop_token& stop) const;
  Result<> deliver_without(const Error& spool, const Delivery& delivery, SinkState& state,
                           const std::stop_token& stop) const;
  Result<> send_missed(Spool& spool, const Delivery& delivery, SinkState& state,
                       const std::stop_token& stop) const;
  static Result<> settle_missed(Spool& spool, const Spool::Event& event, const Sent& sent,
                                SinkState& state);
  static void note(const Sent& sent, SinkState& state);
  static void take(const CloudEvent& event, const Delivery& delivery, SinkState& state);
  static Result<> keep(Spool& spool, const CloudEvent& event, const Delivery& delivery,
                       SinkState& state);
  static Result<> give_up(Spool& spool, const CloudEvent& event, const Error& error,
                          SinkState& state);

  HttpClient& http_;
  const Clock& clock_;
  const WebhookSettings settings_;
};

}  // namespace nodeproof::report
