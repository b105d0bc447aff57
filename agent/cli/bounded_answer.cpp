#include "agent/cli/bounded_answer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxAnswer = 4096;
constexpr char kEnd = '\0';  // behind a whole answer

// One write: it fits into the pipe.
[[noreturn]] void work_as_child(const std::function<std::string()>& work, int output,
                                pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  // Whoever waits for the end of the parent's output does not wait for a child that hangs.
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, fd);
  std::string answer = work();
  answer.resize(std::min(answer.size(), kMaxAnswer - 1));
  answer += kEnd;
  const ssize_t written = write(output, answer.data(), answer.size());
  _exit(written == static_cast<ssize_t>(answer.size()) ? 0 : 1);
}

std::optional<std::string> read_answer(int input, Clock::time_point deadline) {
  std::string answer;
  std::array<char, kMaxAnswer> buffer{};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return {};
    pollfd waiting{input, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return {};
    if (ready <= 0) continue;
    const ssize_t got = read(input, buffer.data(), buffer.size());
    if (got <= 0) return {};
    answer.append(buffer.data(), static_cast<std::size_t>(got));
    if (answer.ends_with(kEnd)) return answer.substr(0, answer.size() - 1);
    if (answer.size() > kMaxAnswer) return {};
  }
}

}  // namespace

std::optional<std::string> answer_within(std::chrono::milliseconds limit,
                                         const std::function<std::string()>& work) {
  const auto deadline = Clock::now() + limit;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const UniqueFd input(ends[0]);
  UniqueFd output(ends[1]);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return {};
  if (child == 0) work_as_child(work, output.get(), parent);
  output.reset();
  auto answer = read_answer(input.get(), deadline);
  kill(child, SIGKILL);
  // Not waited for: one that hangs in the kernel would hold up this process, too. Whoever adopts it
  // takes its status.
  waitpid(child, nullptr, WNOHANG);
  return answer;
}

}  // namespace nodeproof::cli
