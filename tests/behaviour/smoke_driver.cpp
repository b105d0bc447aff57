// Runs the smoke room alone on a real containerd, for smoke_test.py; prints one JSON object. Not
// shipped. smoke_driver SOCKET WORK-FOLDER REQUEST-FILE     {"rootfs", "user", "env", "workingDir",
// "program", "interpreter",
//                                                   "emulation", "memoryBytes", "pids",
//                                                   "files": [...], "tests": [...]}
// smoke_driver probe PLAN-FILE                     the supervisor, as in nodeproof itself
// smoke_driver seccomp ARCHITECTURE                the profile as runtime-spec JSON
#include <csignal>
#include <filesystem>
#include <iostream>
#include <stop_token>

#include "agent/containerd/grpc_runtime.hpp"
#include "agent/host/host.hpp"
#include "agent/smoke/seccomp.hpp"
#include "agent/smoke/smoke.hpp"
#include "agent/smoke/supervisor.hpp"
#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

Result<std::vector<std::string>> texts(const json::Value& value, std::string_view key) {
  const json::Value* found = value.find(key);
  return found == nullptr ? Result<std::vector<std::string>>(std::vector<std::string>())
                          : found->strings();
}

// A list of patterns, or one.
Result<std::vector<std::string>> patterns(const json::Value& value, std::string_view key) {
  const json::Value* found = value.find(key);
  if (found == nullptr || found->kind() != json::Value::Kind::string) return texts(value, key);
  return std::vector<std::string>{TRY(found->string())};
}

Result<unsigned> number_or(const json::Value& value, std::string_view key, unsigned fallback) {
  const json::Value* found = value.find(key);
  if (found == nullptr) return fallback;
  return static_cast<unsigned>(TRY(found->unsigned_integer()));
}

Result<std::vector<std::vector<std::string>>> commands(const json::Value& value,
                                                       std::string_view key) {
  std::vector<std::vector<std::string>> all;
  const json::Value* found = value.find(key);
  if (found == nullptr) return all;
  for (const json::Value& command : found->items()) all.push_back(TRY(command.strings()));
  return all;
}

Result<SmokeExpectation> read_outputs(const json::Value& value) {
  SmokeExpectation expect;
  expect.stdout_matches = TRY(patterns(value, "stdout"));
  expect.stdout_excludes = TRY(patterns(value, "stdoutExcludes"));
  expect.stderr_matches = TRY(patterns(value, "stderr"));
  expect.stderr_excludes = TRY(patterns(value, "stderrExcludes"));
  expect.stdout_sha256 = TRY(value.string_or("stdoutSha256", ""));
  if (const json::Value* exit = value.find("exit"))
    expect.exit = static_cast<int>(TRY(exit->integer()));
  return expect;
}

Result<ServiceCheck> read_service(const json::Value& value) {
  ServiceCheck service;
  service.port = TRY(number_or(value, "port", 0));
  service.http_path = TRY(value.string_or("http", ""));
  service.http_status = TRY(number_or(value, "status", 0));
  service.http_body = TRY(value.string_or("body", ""));
  return service;
}

Result<FileCheck> read_file_check(const json::Value& value) {
  FileCheck file;
  file.path = TRY(value.string_or("path", ""));
  if (const json::Value* exists = value.find("exists")) file.exists = TRY(exists->boolean());
  file.mode = TRY(value.string_or("mode", ""));
  if (value.find("uid") != nullptr) file.uid = TRY(number_or(value, "uid", 0));
  if (value.find("gid") != nullptr) file.gid = TRY(number_or(value, "gid", 0));
  file.executable_by = TRY(value.string_or("executableBy", ""));
  file.contains = TRY(patterns(value, "contains"));
  file.excludes = TRY(patterns(value, "excludes"));
  return file;
}

Result<SmokeTest> read_test(const json::Value& value) {
  SmokeTest test;
  test.name = TRY(value.string_or("name", "test"));
  test.args = TRY(texts(value, "args"));
  test.env = TRY(texts(value, "env"));
  test.user = TRY(value.string_or("user", ""));
  test.cwd = TRY(value.string_or("cwd", ""));
  test.input = TRY(value.string_or("stdin", ""));
  test.repeat = TRY(number_or(value, "repeat", 1));
  test.cpus = TRY(number_or(value, "cpus", 0));
  test.before = TRY(commands(value, "before"));
  test.after = TRY(commands(value, "after"));
  test.expect = TRY(read_outputs(value));
  if (const json::Value* service = value.find("service"))
    test.service = TRY(read_service(*service));
  if (const json::Value* file = value.find("file")) test.file = TRY(read_file_check(*file));
  if (const json::Value* timeout = value.find("timeoutMs")) {
    test.timeout = std::chrono::milliseconds(TRY(timeout->integer()));
  }
  return test;
}

Result<smoke::FileExpectation> read_expectation(const json::Value& value) {
  smoke::FileExpectation file;
  file.path = TRY(value.string_or("path", ""));
  file.hash = TRY(value.string_or("xxh128", ""));
  const json::Value* size = TRY(value.at("size"));
  file.size = TRY(size->unsigned_integer());
  return file;
}

Emulation emulation_of(std::string_view word) {
  if (word == "warn") return Emulation::warn;
  return word == "allow" ? Emulation::allow : Emulation::refuse;
}

void write_report(json::Writer& out, const SmokeReport& report) {
  constexpr std::string_view kOutcomes[] = {"passed", "failed", "skipped"};
  constexpr std::string_view kSeverities[] = {"info", "warn", "unknown", "fail"};
  out.key("results").begin_array();
  for (const SmokeResult& result : report.results) {
    out.begin_object().member("name", result.name).member("signal", result.signal);
    out.member("result", kOutcomes[static_cast<int>(result.result)]);
    out.member("exit", std::int64_t{result.exit}).member("reason", result.reason);
    out.member("maxRss", result.max_rss).member("pageFaults", result.page_faults);
    out.member("runs", std::uint64_t{result.runs});
    out.member("normalisedSha256", result.normalised_sha256);
    out.member("stdoutSha256", result.stdout_sha256).end_object();
  }
  out.end_array().key("findings").begin_array();
  for (const Finding& finding : report.findings) {
    out.begin_object().member("code", finding.code).member("subject", finding.subject);
    out.member("severity", kSeverities[static_cast<int>(finding.severity)]);
    out.member("message", finding.message).member("evidence", finding.evidence);
    out.member("remedy", finding.remedy).end_object();
  }
  out.end_array();
}

Result<Sandbox> read_sandbox(const json::Value& request) {
  Sandbox sandbox;
  if (const json::Value* memory = request.find("memoryBytes"))
    sandbox.memory = TRY(memory->unsigned_integer());
  if (const json::Value* pids = request.find("pids"))
    sandbox.pids = static_cast<unsigned>(TRY(pids->unsigned_integer()));
  return sandbox;
}

Result<> run(char* const* arguments, json::Writer& out) {
  const std::string text = TRY(read_file(arguments[2]));
  const json::Value request = TRY(json::parse(text));
  ImageConfig config;
  config.env = TRY(texts(request, "env"));
  config.entrypoint = TRY(texts(request, "entrypoint"));
  config.cmd = TRY(texts(request, "cmd"));
  config.stop_signal = TRY(request.string_or("stopSignal", ""));
  config.user = TRY(request.string_or("user", ""));
  config.working_dir = TRY(request.string_or("workingDir", ""));
  std::vector<SmokeTest> tests;
  for (const json::Value& test : (*TRY(request.at("tests"))).items())
    tests.push_back(TRY(read_test(test)));
  std::vector<smoke::FileExpectation> files;
  if (const json::Value* found = request.find("files")) {
    for (const json::Value& file : found->items()) files.push_back(TRY(read_expectation(file)));
  }
  containerd::GrpcContainerRuntime runtime({arguments[0], "k8s.io", ""});
  HostFacts host = host::read_host("/");
  host.containerd = TRY(runtime.facts({}));
  const std::string rootfs = TRY(request.string_or("rootfs", ""));
  const smoke::SmokeInput input{.image = "the test's image",
                                .config = config,
                                .rootfs = TRY(Digest::parse(rootfs)),
                                .tests = tests,
                                .files = files,
                                .program = TRY(request.string_or("program", "")),
                                .interpreter = TRY(request.string_or("interpreter", "")),
                                .host = host,
                                .emulation = emulation_of(TRY(request.string_or("emulation", ""))),
                                .binary = std::filesystem::read_symlink("/proc/self/exe"),
                                .work_dir = arguments[1],
                                .lease = "",
                                .limits = {},
                                .sandbox = TRY(read_sandbox(request))};
  write_report(out, TRY(smoke::smoke(input, runtime, {})));
  return {};
}

int show_seccomp(const char* architecture) {
  json::Writer out;
  smoke::write(out, *smoke::seccomp_profile(architecture));
  std::cout << out.str() << '\n';
  return 0;
}

}  // namespace
}  // namespace nodeproof

int main(int count, char** arguments) {
  using namespace nodeproof;  // NOLINT(google-build-using-namespace): the driver's own
  const std::span<char* const> all(arguments, static_cast<std::size_t>(count));
  if (count == 3 && std::string_view(arguments[1]) == "probe")
    return smoke::supervisor_main(all.subspan(2));
  if (count == 3 && std::string_view(arguments[1]) == "seccomp") return show_seccomp(arguments[2]);
  if (count != 4) return 64;
  json::Writer out;
  out.begin_object();
  const auto done = run(arguments + 1, out);
  if (!done) out.member("error", done.error().message);
  std::cout << out.end_object().str() << '\n';
  return done ? 0 : 1;
}
