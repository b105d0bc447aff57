// A node's report to its Kubernetes cluster: the condition nodeproof.dev/ImagesReady, an event when
// it changes, labels, and the lifting of a taint. One call per change and per heartbeat.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/kubernetes/credentials.hpp"
#include "agent/model.hpp"
#include "common/clock.hpp"
#include "common/error.hpp"
#include "common/http.hpp"

namespace nodeproof::kubernetes {

struct Options {
  std::string kubeconfig;  // "" = looked for, see find_credentials()
  std::string node;        // "" = found out, see node_name()
  bool events = true;
  bool labels = false;
  std::string taint;             // the key of the one to lift when the node is ready; "" = none
  std::string taint_kubeconfig;  // who may do that; "" = the same credential
  // A condition that says the same is written again when it is older than three quarters of this,
  // so that a caller's jitter does not double the time.
  std::chrono::seconds heartbeat{300};
  std::chrono::seconds stale_after{
      0};               // a report older than this is published as Unknown; 0 = never
  Surroundings around;  // Surroundings::of_this_process() in a program
};

struct Ports {
  HttpClient& http;
  const Clock& clock;
  std::stop_token stop = {};
};

struct Published {
  std::string memory;  // for the next call: opaque, a few kilobytes at most
  std::optional<std::chrono::seconds> retry_after;  // as the API server asked
  // What could not be done, though it could be tried; empty = everything is as it should be. The
  // caller tries again with `memory`, after a pause that grows: what was done is not done again.
  std::vector<Error> failed;
};

// `memory` is what the last call left, "" = nothing is known: then the node is read first, and
// nothing is written that stands there already. Errors: only what makes any attempt useless, a
// node's name, a taint's key or (Errc of find_credentials()) the credential.
Result<Published> publish(const NodeReport& report, const Options& options, const Ports& ports,
                          const std::string& memory);

}  // namespace nodeproof::kubernetes
