#include "agent/smoke/smoke.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "agent/smoke/decode.hpp"
#include "agent/smoke/record.hpp"
#include "common/file.hpp"
#include "common/words.hpp"

namespace nodeproof::smoke {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr milliseconds kLoaderTimeout{20000};
constexpr milliseconds kAllowance{
    15000};  // for the kernel to end what was killed, and the supervisor's own work
constexpr std::uint64_t kReadRate = 4'000'000;   // bytes per second that a bad SD card still gives
constexpr milliseconds kContainerMargin{10000};  // the supervisor's own deadline comes first

bool is_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && path.size() > directory.size() &&
         path[directory.size()] == '/';
}

// A tmpfs there would hide what the image brings.
std::vector<std::string> scratch_of(const SmokeInput& input) {
  std::vector<std::string> scratch;
  for (const char* directory : {"/tmp", "/run"}) {
    bool used = is_below(input.program, directory) || is_below(input.interpreter, directory);
    used = used || std::ranges::any_of(input.files,
                                       [&](const auto& f) { return is_below(f.path, directory); });
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
  for (const FileExpectation& file : files) bytes += file.sha256.empty() ? 0 : file.size;
  return milliseconds(std::min<std::uint64_t>(bytes / (kReadRate / 1000), 3'600'000)) +
         milliseconds(static_cast<std::int64_t>(files.size()));
}

Result<std::string> random_id() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, 8> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return fail_errno(errno, "asking the kernel for random bytes");
  }
  std::string id = "nodeproof-smoke-";
  for (const unsigned char byte : bytes) {
    id += kDigits[byte >> 4];
    id += kDigits[byte & 15];
  }
  return id;
}

// The plan and the answers of one container; gone with the object.
class WorkFiles {
 public:
  WorkFiles(const std::filesystem::path& directory, const std::string& id)
      : plan_(directory / (id + ".plan")), answers_(directory / (id + ".out")) {}
  ~WorkFiles() {
    static_cast<void>(remove_file(plan_));
    static_cast<void>(remove_file(answers_));
  }
  WorkFiles(const WorkFiles&) = delete;
  WorkFiles& operator=(const WorkFiles&) = delete;

  Result<> create(std::string_view plan) const {
    TRY(make_directories(plan_.parent_path(), 0700));
    TRY(write_new(plan_, plan));
    return write_new(answers_, "");
  }
  [[nodiscard]] std::string plan() const { return plan_.string(); }
  [[nodiscard]] std::string answers() const { return answers_.string(); }

 private:
  static Result<> write_new(const std::filesystem::path& path, std::string_view content) {
    const UniqueFd fd(
        open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return fail_errno(errno, "creating " + path.string());
    while (!content.empty()) {
      const ssize_t written = write(fd.get(), content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return fail_errno(errno, "writing " + path.string());
      content.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  std::filesystem::path plan_, answers_;
};

Result<ContainerRequest> make_request(const SmokeInput& input, const std::string& id,
                                      const WorkFiles& files, const Plan& plan) {
  const SpecInput spec{.id = id,
                       .binary = input.binary.string(),
                       .plan = files.plan(),
                       .working_dir = input.config.working_dir,
                       .host = input.host,
                       .limits = input.limits,
                       .scratch = scratch_of(input)};
  return ContainerRequest{.id = id,
                          .rootfs = input.rootfs,
                          .spec_json = TRY(container_spec(spec)),
                          .stdout_path = files.answers(),
                          .lease = input.lease,
                          .labels = {{"nodeproof.dev/smoke", "1"}},
                          .deadline = plan.deadline + kContainerMargin};
}

// Nothing can be said about any image: not a finding of this one.
bool ends_all(Errc code) {
  return code == Errc::cancelled || code == Errc::runtime_unavailable ||
         code == Errc::permission_denied;
}

Result<SmokeReport> run_container(const SmokeInput& input, const Plan& plan,
                                  ContainerRuntime& runtime, std::stop_token stop) {
  const std::string id = TRY(random_id());
  const WorkFiles files(input.work_dir, id);
  TRY(files.create(to_json(plan)));
  const ContainerRequest request = TRY(make_request(input, id, files, plan));
  const auto exit = runtime.run(request, std::move(stop));
  if (!exit && ends_all(exit.error().code)) return std::unexpected(exit.error());
  if (!exit) return decode_not_run(input.tests, exit.error());
  const auto answers = read_file(files.answers(), max_record_bytes(plan));
  if (!answers) return decode_not_run(input.tests, answers.error());
  auto records = parse_records(*answers, plan);
  if (!records) return decode_not_run(input.tests, std::move(records).error());
  return decode({.plan = plan,
                 .tests = input.tests,
                 .records = *records,
                 .program = input.program,
                 .host = input.host,
                 .emulation = input.emulation,
                 .exit = *exit});
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
    PlannedRun run = run_as_image(input, test.name, test.args);
    add_environment(run.env, test.env);
    if (!test.user.empty()) run.user = test.user;
    run.timeout = std::max(test.timeout, milliseconds(1));
    plan.deadline += run.timeout + std::chrono::seconds(5);
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
