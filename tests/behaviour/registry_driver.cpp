// Asks a registry through the real adapter and prints what came of it as JSON. For tests; not
// shipped. Usage: registry_driver REFERENCE [ca=FILE] [certificate=FILE] [key=FILE] [user=NAME]
// [password=TEXT] [plain=0|1]
//                        [stop_after_ms=N] [parallel=THREADS]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "common/crypto.hpp"
#include "common/http_curl.hpp"
#include "common/json.hpp"
#include "common/oci.hpp"
#include "tests/fakes/direct_registry.hpp"

namespace nodeproof {
namespace {

using Arguments = std::map<std::string, std::string>;

registry::HostSettings settings_of(Arguments& arguments) {
  registry::HostSettings settings;
  settings.tls = {.ca_file = arguments["ca"],
                  .client_certificate = arguments["certificate"],
                  .client_key = arguments["key"]};
  if (!arguments["plain"].empty()) settings.plain_http = arguments["plain"] == "1";
  return settings;
}

class Driver {
 public:
  Driver(Registry& registry, const Reference& reference, std::stop_token stop)
      : registry_(registry), reference_(reference), stop_(std::move(stop)) {}

  Result<> run() {
    const FetchedManifest top = TRY(registry_.manifest(reference_, stop_));
    out_.member("digest", top.descriptor.digest.str());
    out_.member("mediaType", top.descriptor.media_type);
    out_.key("blobs").begin_array();
    const auto walked = walk(top);
    out_.end_array();
    return walked;
  }

  json::Writer& out() { return out_; }

 private:
  Result<> walk(const FetchedManifest& fetched) {
    const ImageDocument document =
        TRY(parse_image_document(fetched.bytes, fetched.descriptor.media_type));
    if (const auto* index = std::get_if<Index>(&document)) {
      for (const auto& entry : index->manifests) {
        const FetchedManifest child = TRY(registry_.child(reference_, entry, stop_));
        TRY(walk(child));
      }
      return {};
    }
    const auto& manifest = std::get<Manifest>(document);
    TRY(blob(manifest.config));
    for (const auto& layer : manifest.layers) TRY(blob(layer));
    return {};
  }

  // The whole, and once more in two requests.
  Result<> blob(const Descriptor& descriptor) {
    std::string whole, again;
    const auto into = [](std::string& text) {
      return [&text](Bytes bytes) -> Result<> {
        text += as_text(bytes);
        return {};
      };
    };
    TRY(registry_.blob(reference_, descriptor, 0, into(whole), stop_));
    const auto middle = descriptor.size / 2;
    again = whole.substr(0, middle);
    if (middle > 0) TRY(registry_.blob(reference_, descriptor, middle, into(again), stop_));
    out_.begin_object();
    out_.member("digest", descriptor.digest.str());
    out_.member("whole", hash_of(as_bytes(whole)) == descriptor.digest);
    out_.member("resumed", middle == 0 || again == whole);
    out_.end_object();
    return {};
  }

  Registry& registry_;
  const Reference& reference_;
  std::stop_token stop_;
  json::Writer out_;
};

// Of this program, not of what forked it.
std::int64_t peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::atoll(line.c_str() + 6);
  }
  return 0;
}

void write_costs(json::Writer& out, fakes::DirectRegistry& registry) {
  out.member("peakKib", peak_kib());
  out.key("rateLimits").begin_array();
  for (const auto& [host, limit] : registry.http().rate_limits()) {
    out.begin_object().member("host", host);
    out.member("limit", static_cast<std::int64_t>(limit.limit.value_or(0)));
    out.member("remaining", static_cast<std::int64_t>(limit.remaining.value_or(0)));
    out.end_object();
  }
  out.end_array();
}

// {"whole": how many threads got everything}
int run_parallel(Registry& registry, const Reference& reference, int threads) {
  std::atomic<std::int64_t> whole = 0;
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      Driver driver(registry, reference, {});
      driver.out().begin_object();
      if (driver.run()) ++whole;
    });
  }
  running.clear();
  json::Writer out;
  out.begin_object().member("whole", whole.load()).end_object();
  std::puts(out.str().c_str());
  return 0;
}

int run(const std::string& image, Arguments arguments) {
  const auto reference = Reference::parse(image);
  if (!reference) return 64;
  CurlHttpClient http;
  const SystemClock clock;
  fakes::DirectRegistry registry(
      http, clock,
      {.settings = {{reference->domain(), settings_of(arguments)}},
       .retry = {.attempts = 2, .first_pause = std::chrono::milliseconds(50)},
       .logins = {{reference->domain(), fakes::login(arguments["user"], arguments["password"])}}});
  std::stop_source stop;
  std::jthread stopper([&](const std::stop_token& over) {
    const int wait = std::atoi(arguments["stop_after_ms"].c_str());
    for (int passed = 0; wait > 0 && passed < wait && !over.stop_requested(); passed += 10) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (wait > 0) stop.request_stop();
  });
  if (const int threads = std::atoi(arguments["parallel"].c_str()); threads > 0) {
    return run_parallel(registry, *reference, threads);
  }
  Driver driver(registry, *reference, stop.get_token());
  driver.out().begin_object();
  const auto done = driver.run();
  if (!done) {
    driver.out().member("code", to_string(done.error().code));
    driver.out().member("message", done.error().message);
    driver.out().member("remedy", done.error().remedy);
  }
  write_costs(driver.out(), registry);
  driver.out().end_object();
  std::puts(driver.out().str().c_str());
  return 0;
}

}  // namespace
}  // namespace nodeproof

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  nodeproof::Arguments arguments;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto equals = argument.find('=');
    if (equals == std::string::npos) return 64;
    arguments[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  return nodeproof::run(argv[1], std::move(arguments));
}
