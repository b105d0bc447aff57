#include "agent/smoke/container.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "common/file.hpp"

namespace nodeproof::smoke {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kContainerMargin{10000};  // the supervisor's own deadline comes first
constexpr std::uint64_t kReadRate = 4'000'000;   // bytes per second that a bad SD card still gives
constexpr std::uint64_t kLongestRead = 3'600'000;  // milliseconds

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

Result<ContainerRequest> make_request(const ContainerInput& input, const WorkFiles& files,
                                      const Plan& plan) {
  const SpecInput spec{.id = input.id,
                       .binary = input.binary.string(),
                       .plan = files.plan(),
                       .working_dir = input.working_dir,
                       .host = input.host,
                       .limits = input.limits,
                       .scratch = input.scratch,
                       .list = input.list.string(),
                       .allowed = input.allowed};
  return ContainerRequest{.id = input.id,
                          .rootfs = input.rootfs,
                          .spec_json = TRY(container_spec(spec)),
                          .stdout_path = files.answers(),
                          .lease = input.lease,
                          .labels = {{"nodeproof.dev/smoke", "1"}},
                          .deadline = plan.deadline + kContainerMargin,
                          .runtime = input.runtime};
}

}  // namespace

void remove_work_files(const std::filesystem::path& work_dir) {
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(work_dir, absent)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("nodeproof-smoke-") && !name.starts_with("files-")) continue;
    static_cast<void>(remove_file(entry.path()));
  }
}

bool ends_all(Errc code) {
  return code == Errc::cancelled || code == Errc::runtime_unavailable ||
         code == Errc::permission_denied;
}

Result<std::string> random_id(std::string_view prefix) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, 8> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return fail_errno(errno, "asking the kernel for random bytes");
  }
  std::string id(prefix);
  for (const unsigned char byte : bytes) {
    id += kDigits[byte >> 4];
    id += kDigits[byte & 15];
  }
  return id;
}

milliseconds time_to_read(std::uint64_t bytes, std::uint64_t files) {
  return milliseconds(std::min(bytes / (kReadRate / 1000), kLongestRead)) +
         milliseconds(std::min(files, kLongestRead));
}

Result<Answer> ask_supervisor(const ContainerInput& input, const Plan& plan,
                              ContainerRuntime& runtime, std::stop_token stop) {
  const WorkFiles files(input.work_dir, input.id);
  TRY(files.create(to_json(plan)));
  const ContainerRequest request = TRY(make_request(input, files, plan));
  const ContainerExit exit = TRY(runtime.run(request, std::move(stop)));
  const std::string answers = TRY(read_file(files.answers(), max_record_bytes(plan)));
  return Answer{TRY(parse_records(answers, plan)), exit};
}

}  // namespace nodeproof::smoke
