#include "agent/smoke_json.hpp"

#include "common/crypto.hpp"

namespace nodeproof {
namespace {

void write_expectation(json::Writer& out, const SmokeExpectation& expect) {
  out.begin_object().member("exit", std::int64_t{expect.exit});
  out.member("stdout", expect.stdout_matches).member("stdout_excludes", expect.stdout_excludes);
  out.member("stderr", expect.stderr_matches).member("stderr_excludes", expect.stderr_excludes);
  out.member("stdout_sha256", expect.stdout_sha256).end_object();
}

void write_service(json::Writer& out, const ServiceCheck& service) {
  out.begin_object().member("port", std::uint64_t{service.port});
  out.member("http", service.http_path).member("status", std::uint64_t{service.http_status});
  out.member("body", service.http_body);
  if (!service.check.empty()) {
    out.member("check", service.check);
    out.member("check_timeout", std::int64_t{service.check_timeout.count()});
    out.member("check_pause", std::int64_t{service.check_pause.count()});
  }
  out.end_object();
}

void write_file(json::Writer& out, const FileCheck& file) {
  out.begin_object().member("path", file.path).member("exists", file.exists);
  out.member("mode", file.mode).member("executable_by", file.executable_by);
  if (file.uid) out.member("uid", std::uint64_t{*file.uid});
  if (file.gid) out.member("gid", std::uint64_t{*file.gid});
  out.member("contains", file.contains).member("excludes", file.excludes).end_object();
}

void write_commands(json::Writer& out, std::string_view key,
                    const std::vector<std::vector<std::string>>& commands) {
  out.key(key).begin_array();
  for (const auto& command : commands) {
    out.begin_array();
    for (const std::string& word : command) out.string(word);
    out.end_array();
  }
  out.end_array();
}

}  // namespace

void write_smoke_test(json::Writer& out, const SmokeTest& test) {
  out.begin_object().member("name", test.name).member("args", test.args);
  out.member("env", test.env).member("user", test.user).member("cwd", test.cwd);
  out.member("stdin", test.input).member("timeout", std::int64_t{test.timeout.count()});
  out.member("repeat", std::uint64_t{test.repeat}).member("cpus", std::uint64_t{test.cpus});
  write_commands(out, "before", test.before);
  write_commands(out, "after", test.after);
  write_expectation(out.key("expect"), test.expect);
  if (test.service) write_service(out.key("service"), *test.service);
  if (test.file) write_file(out.key("file"), *test.file);
  out.member("source", test.source).end_object();
}

std::string smoke_test_digest(const SmokeTest& test) {
  json::Writer out;
  out.begin_object().member("args", test.args).member("env", test.env);
  out.member("user", test.user).member("cwd", test.cwd).member("stdin", test.input);
  write_commands(out, "before", test.before);
  write_commands(out, "after", test.after);
  if (test.service) write_service(out.key("service"), *test.service);
  if (test.file) write_file(out.key("file"), *test.file);
  return std::string(hash_of(as_bytes(out.end_object().str())).hex());
}

void write_sandbox(json::Writer& out, const Sandbox& sandbox) {
  out.begin_object().key("mounts").begin_array();
  for (const SandboxMount& mount : sandbox.mounts) {
    out.begin_object().member("source", mount.source).member("target", mount.target).end_object();
  }
  out.end_array().member("tmpfs", sandbox.tmpfs).member("devices", sandbox.devices);
  out.member("runtime", sandbox.runtime).member("memory", sandbox.memory);
  out.member("pids", std::uint64_t{sandbox.pids}).end_object();
}

}  // namespace nodeproof
