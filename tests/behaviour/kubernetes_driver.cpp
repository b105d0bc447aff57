// Publishes reports to a Kubernetes API server and prints what came of each as one line of JSON.
// For tests; not shipped. Usage: kubernetes_driver REPORT... [kubeconfig=FILE] [node=NAME]
// [events=0|1] [labels=0|1] [taint=KEY]
//        [taint_kubeconfig=FILE] [heartbeat=SECONDS] [memory=FILE] [root=FOLDER]
// Each REPORT is a file, published in turn; the memory is read from and left in its file.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "agent/kubernetes/publish.hpp"
#include "agent/report/json.hpp"
#include "common/file.hpp"
#include "common/http_curl.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

using Arguments = std::map<std::string, std::string>;

kubernetes::Options options_of(Arguments& arguments) {
  kubernetes::Options options;
  options.kubeconfig = arguments["kubeconfig"];
  options.node = arguments["node"];
  options.events = arguments["events"] != "0";
  options.labels = arguments["labels"] == "1";
  options.taint = arguments["taint"];
  options.taint_kubeconfig = arguments["taint_kubeconfig"];
  if (!arguments["heartbeat"].empty()) {
    options.heartbeat = std::chrono::seconds(std::atoi(arguments["heartbeat"].c_str()));
  }
  options.around = kubernetes::Surroundings::of_this_process();
  if (!arguments["root"].empty()) options.around.root = arguments["root"];
  return options;
}

void write_error(json::Writer& out, const Error& error) {
  out.begin_object().member("code", to_string(error.code)).member("message", error.message);
  out.member("remedy", error.remedy).end_object();
}

void print(const Result<kubernetes::Published>& done) {
  json::Writer out;
  out.begin_object();
  if (!done) {
    out.key("error");
    write_error(out, done.error());
  } else {
    out.key("memory").raw(done->memory).key("failed").begin_array();
    for (const Error& error : done->failed) write_error(out, error);
    out.end_array();
    if (done->retry_after) out.member("retryAfter", std::int64_t{done->retry_after->count()});
  }
  std::puts(out.end_object().str().c_str());
}

int run(const std::vector<std::string>& reports, Arguments arguments) {
  const kubernetes::Options options = options_of(arguments);
  const std::string kept = arguments["memory"];
  CurlHttpClient http;
  const SystemClock clock;
  std::string memory = kept.empty() ? "" : read_file(kept).value_or("");
  for (const std::string& file : reports) {
    const auto text = read_file(file);
    const auto report = text ? report::from_json(*text) : std::unexpected(text.error());
    if (!report) {
      std::fprintf(stderr, "%s: %s\n", file.c_str(), report.error().message.c_str());
      return 64;
    }
    const auto done = kubernetes::publish(*report, options, {http, clock}, memory);
    if (done) memory = done->memory;
    print(done);
  }
  return kept.empty() || write_file_atomically(kept, memory) ? 0 : 70;
}

}  // namespace
}  // namespace nodeproof

int main(int argc, char** argv) {
  std::vector<std::string> reports;
  nodeproof::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto equals = argument.find('=');
    if (equals == std::string::npos) {
      reports.push_back(argument);
    } else {
      arguments[argument.substr(0, equals)] = argument.substr(equals + 1);
    }
  }
  return reports.empty() ? 64 : nodeproof::run(reports, std::move(arguments));
}
