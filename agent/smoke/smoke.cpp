#include "agent/smoke/smoke.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/smoke/clone3.hpp"
#include "agent/smoke/container.hpp"
#include "agent/smoke/decode.hpp"
#include "agent/smoke/stop_signal.hpp"
#include "common/words.hpp"

namespace nodeproof::smoke {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr milliseconds kLoaderTimeout{20000};
constexpr milliseconds kEndTime{5000};                     // for what was killed to be gone
constexpr milliseconds kFileTime{1000};                    // a check of one file
constexpr milliseconds kLongest = std::chrono::hours(24);  // a plan has no longer deadline
constexpr milliseconds kAllowance{
    15000};  // for the kernel to end what was killed, and the supervisor's own work

bool is_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && path.size() > directory.size() &&
         path[directory.size()] == '/';
}

// A tmpfs there would hide what the image brings. Where nothing is run, none is needed.
std::vector<std::string> scratch_of(const SmokeInput& input) {
  const auto is_file = [](const SmokeTest& test) { return test.file.has_value(); };
  if (!input.tests.empty() && std::ranges::all_of(input.tests, is_file)) return {};
  std::vector<std::string> scratch;
  for (const char* directory : {"/tmp", "/run"}) {
    bool used = is_below(input.program, directory) || is_below(input.interpreter, directory);
    used = used || std::ranges::any_of(input.files,
                                       [&](const auto& f) { return is_below(f.path, directory); });
    used = used || std::ranges::any_of(input.tests, [&](const SmokeTest& test) {
             return test.file && is_below(test.file->path, directory);
           });
    if (!used) scratch.emplace_back(directory);
  }
  return scratch;
}

// The supervisor gets the plan as JSON, which holds no other bytes than UTF-8.
bool comparable(const FileExpectation& file) {
  constexpr std::array<std::string_view, 3> kMounted = {"/proc", "/sys", "/dev"};
  return file.path.starts_with('/') && valid_utf8(file.path) == file.path &&
         std::ranges::none_of(kMounted,
                              [&](std::string_view mount) { return is_below(file.path, mount); });
}

PlannedRun run_as_image(const SmokeInput& input, std::string name, std::vector<std::string> args) {
  PlannedRun run{.name = std::move(name),
                 .args = std::move(args),
                 .env = input.config.env,
                 .user = input.config.user};
  const auto is_path = [](const std::string& variable) { return variable.starts_with("PATH="); };
  if (std::ranges::none_of(run.env, is_path)) run.env.emplace_back(kDefaultPath);
  if (input.config.working_dir.starts_with('/')) run.cwd = input.config.working_dir;
  return run;
}

// A variable of the test replaces the image's.
void add_environment(std::vector<std::string>& env, const std::vector<std::string>& more) {
  for (const std::string& variable : more) {
    const std::string name = variable.substr(0, variable.find('=')) + '=';
    std::erase_if(env, [&](const std::string& old) { return old.starts_with(name); });
    env.push_back(variable);
  }
}

milliseconds time_for_files(const std::vector<FileExpectation>& files) {
  std::uint64_t bytes = 0;
  for (const FileExpectation& file : files) bytes += file.hash.empty() ? 0 : file.size;
  return time_to_read(bytes, files.size());
}

// VOLUMEs are for programs that are started as under Docker: a service, or a test that was written
// for it.
bool needs_volumes(const SmokeTest& test) { return test.service || !test.source.empty(); }

Result<Allowed> allowed_for(const SmokeInput& input) {
  Allowed allowed = TRY(allowed_by(input.sandbox));
  if (std::ranges::any_of(input.tests, needs_volumes)) {
    allowed.volumes = volumes_of(input.config, input.sandbox);
  }
  // A file that a test looks at is to be the image's own.
  std::erase_if(allowed.volumes, [&](const std::string& volume) {
    return std::ranges::any_of(input.tests, [&](const SmokeTest& test) {
      return test.file && (test.file->path == volume || is_below(test.file->path, volume));
    });
  });
  allowed.owners = input.owners;
  allowed.env = runtime_env(input.config, input.sandbox);
  return allowed;
}

PlannedRun plan_test(const SmokeInput& input, const SmokeTest& test) {
  PlannedRun run = run_as_image(input, test.name, test.args);
  add_environment(run.env, test.env);
  if (!test.user.empty()) run.user = test.user;
  if (!test.cwd.empty()) run.cwd = test.cwd;
  run.timeout = std::max(test.timeout, milliseconds(1));
  run.input = test.input;
  run.repeat = std::clamp(test.repeat, 1U, kMaxRepeat);
  run.cpus = test.cpus;
  run.before = test.before;
  run.after = test.after;
  run.expect = test.expect;
  if (test.file) {
    run.file =
        PlannedFile{test.file->path, !test.file->contains.empty() || !test.file->excludes.empty()};
  }
  if (!test.service) return run;
  run.service = PlannedService{.port = test.service->port,
                               .http_path = test.service->http_path,
                               .http_status = test.service->http_status,
                               .http_body = test.service->http_body,
                               .stop_signal = stop_signal(input.config.stop_signal),
                               .check = test.service->check,
                               .check_timeout = test.service->check_timeout,
                               .check_pause = test.service->check_pause};
  if (!run.args.empty()) return run;
  run.args = input.config.entrypoint;
  run.args.insert(run.args.end(), input.config.cmd.begin(), input.config.cmd.end());
  return run;
}

// The longest that the supervisor may take for it.
milliseconds time_for(const PlannedRun& run) {
  if (run.file) return kFileTime;
  const milliseconds end = kEndTime + (run.service ? milliseconds(kStopGrace) : milliseconds(0));
  const auto commands = static_cast<std::int64_t>(run.before.size() + run.after.size());
  return (run.repeat * (run.timeout + end)) + (commands * (run.timeout + kEndTime));
}

Result<SmokeReport> run_container(const SmokeInput& input, const Plan& plan,
                                  ContainerRuntime& runtime, std::stop_token stop) {
  const auto allowed = allowed_for(input);
  if (!allowed) return decode_not_run(input.tests, allowed.error());
  ContainerLimits limits = input.limits;
  limits.memory_bytes = input.sandbox.memory;
  limits.pids = input.sandbox.pids;
  const auto answer = ask_supervisor({.id = TRY(random_id("nodeproof-smoke-")),
                                      .rootfs = input.rootfs,
                                      .working_dir = input.config.working_dir,
                                      .host = input.host,
                                      .binary = input.binary,
                                      .work_dir = input.work_dir,
                                      .lease = input.lease,
                                      .limits = limits,
                                      .scratch = scratch_of(input),
                                      .list = {},
                                      .allowed = *allowed,
                                      .runtime = input.sandbox.runtime},
                                     plan, runtime, std::move(stop));
  if (!answer && ends_all(answer.error().code)) return std::unexpected(answer.error());
  if (!answer) return decode_not_run(input.tests, answer.error());
  keep_clone3(input.work_dir, input.host, clone3_word(answer->records.clone3));
  return decode({.plan = plan,
                 .tests = input.tests,
                 .records = answer->records,
                 .program = input.program,
                 .host = input.host,
                 .emulation = input.emulation,
                 .exit = answer->exit,
                 .image = input.image});
}

}  // namespace

Plan make_plan(const SmokeInput& input) {
  Plan plan;
  std::ranges::copy_if(input.files, std::back_inserter(plan.files), comparable);
  plan.deadline = kAllowance + time_for_files(plan.files);
  if (!input.program.empty() && !input.interpreter.empty()) {
    plan.loader = run_as_image(input, "loader", {input.interpreter, "--list", input.program});
    plan.loader->timeout = kLoaderTimeout;
    plan.deadline += kLoaderTimeout;
  }
  for (const SmokeTest& test : input.tests) {
    PlannedRun run = plan_test(input, test);
    plan.deadline = std::min(plan.deadline + time_for(run), kLongest);
    plan.tests.push_back(std::move(run));
  }
  return plan;
}

Result<SmokeReport> smoke(const SmokeInput& input, ContainerRuntime& runtime,
                          std::stop_token stop) {
  const Plan plan = make_plan(input);
  SmokeReport report;
  if (plan.loader || !plan.tests.empty() || !plan.files.empty()) {
    auto ran = run_container(input, plan, runtime, std::move(stop));
    if (!ran)
      return std::unexpected(std::move(ran).error().with_context("smoke-testing " + input.image));
    report = *std::move(ran);
  }
  if (!plan.loader && plan.tests.empty()) report.findings.push_back(not_executed());
  return report;
}

}  // namespace nodeproof::smoke
