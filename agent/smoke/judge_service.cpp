#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "agent/codes.hpp"
#include "agent/smoke/judge_fault.hpp"
#include "agent/smoke/judge_kinds.hpp"
#include "common/text.hpp"

namespace nodeproof::smoke {
namespace {

std::string end_text(const RunRecord& record) {
  if (record.state == RunState::signaled) return "died of " + signal_name(record.signal);
  return "ended with " + std::to_string(record.exit);
}

std::string expected_status(const ServiceCheck& check) {
  return check.http_status == 0 ? "200 to 399" : std::to_string(check.http_status);
}

std::string listening_text(const ServiceRecord& service) {
  if (service.listening.empty()) return "nothing in the container listens";
  std::string all;
  for (const std::string& address : service.listening)
    all += (all.empty() ? "" : ", ") + printable(address, 60);
  return "it listens on " + all;
}

// What the last attempt that got anywhere was told.
std::string answer_text(const ServiceCheck& check, const ServiceRecord& service) {
  const std::string asked =
      "GET " + printable(check.http_path, 100) + " on port " + std::to_string(check.port);
  switch (service.state) {
    case ServiceState::silent:
      return "took the connection and did not answer " + asked;
    case ServiceState::garbage:
      return "answered " + asked + " with something that is no HTTP: " +
             printable(service.body.substr(0, service.body.find_first_of("\r\n")), 80);
    case ServiceState::wrong_status:
      return "answered " + asked + " with " + std::to_string(service.status) + ", expected " +
             expected_status(check);
    case ServiceState::check_failed:
    case ServiceState::check_unusable:
    case ServiceState::not_up:
    case ServiceState::up:
      break;
  }
  return {};
}

// Of a command beside the service.
std::string why_unhealthy(const SmokeTest& test, const ServiceRecord& service,
                          const RunRecord& record) {
  const std::string limit = human_seconds(std::chrono::duration<double>(test.timeout).count());
  const bool in_time = record.state != RunState::timed_out;
  std::string last = "its check came to no end";
  if (service.state == ServiceState::check_unusable)
    return "has a check that cannot be started: " + printable(service.body, 200);
  if (service.state == ServiceState::check_failed && service.status < 0) {
    const auto each = std::chrono::duration<double>(test.service->check_timeout).count();
    last = "its check did not end within " + human_seconds(each);
  } else if (service.state == ServiceState::check_failed) {
    last = "its check ended with " + std::to_string(service.status);
  }
  if (in_time) return end_text(record) + " before it was healthy; " + last;
  return "was not healthy within " + limit + ": " + last;
}

std::string why_not_up(const SmokeTest& test, const ServiceRecord& service,
                       const RunRecord& record) {
  const std::string port = "port " + std::to_string(test.service->port);
  const std::string answer = answer_text(*test.service, service);
  const std::string limit = human_seconds(std::chrono::duration<double>(test.timeout).count());
  const bool in_time = record.state != RunState::timed_out;
  if (service.state == ServiceState::up) return end_text(record) + " right after it was up";
  if (!test.service->check.empty() && test.service->port == 0)
    return why_unhealthy(test, service, record);
  if (!answer.empty()) return answer + (in_time ? ", then " + end_text(record) : ", for " + limit);
  if (!in_time)
    return "did not listen on " + port + " within " + limit + ": " + listening_text(service);
  std::string reason = end_text(record) + " before it listened on " + port;
  if (record.state == RunState::exited && record.exit == 0)
    reason += ": a service must stay in the foreground";
  return reason;
}

struct Excuse {
  std::string_view said, means, remedy;
};

// Programs that cannot come up here, though they may well do so with what a container engine gives
// them: no word about the image.
constexpr std::array kExcuses = {
    Excuse{"can only run as pid 1", "it insists on being process 1, which is nodeproof's here",
           "test the program that its init starts, as a service of its own \"args\""},
    Excuse{"must be run as process no 1",
           "it insists on being process 1, which is nodeproof's here",
           "test the program that its init starts, as a service of its own \"args\""},
    Excuse{"peration not permitted", "it seems to need a capability, and tests have none",
           "run it as a \"user\" that need not change, or with \"args\" that do without"},
    Excuse{"ead-only file system", "it writes to its root file system, which is read-only here",
           "name what it writes to in the sandbox's \"tmpfs\""},
};

const Excuse* excuse_of(const RunRecord& record) {
  const auto found = std::ranges::find_if(kExcuses, [&](const Excuse& excuse) {
    return record.err.find(excuse.said) != record.err.npos ||
           record.out.find(excuse.said) != record.out.npos;
  });
  return found == kExcuses.end() ? nullptr : &*found;
}

Judged judge_not_up(const std::string& what, const SmokeTest& test, const RunRecord& record,
                    const JudgeContext& context) {
  const ServiceRecord service = record.service.value_or(ServiceRecord{});
  std::string reason = why_not_up(test, service, record);
  const bool ended = record.state == RunState::exited;
  const bool came_up =
      service.state != ServiceState::not_up && service.state != ServiceState::check_failed;
  const Excuse* excuse = ended && !came_up ? excuse_of(record) : nullptr;
  if (excuse != nullptr) reason += ": " + std::string(excuse->means);
  Judged judged = judge_end(what, record, context, reason);
  if (service.state == ServiceState::check_failed && !service.body.empty())
    judged.finding->evidence = "the check: " + printable(service.body, 400);
  if (excuse == nullptr || judged.finding->code != code::kSmokeFailed) return judged;
  judged.finding->code = code::kSmokeNotRun;
  judged.finding->severity = Severity::unknown;
  judged.finding->remedy = excuse->remedy;
  return judged;
}

// How it took its stop signal: nothing that a test fails for, since an engine would kill it, too.
std::string stop_note(const RunRecord& record) {
  const ServiceRecord& service = *record.service;
  if (service.killed) {
    return "its stop signal did not end it within " +
           human_seconds(std::chrono::duration<double>(kStopGrace).count()) + ", SIGKILL did";
  }
  if (record.fault && record.fault->code > 0)
    return "it died of " + signal_name(record.fault->signal) + " when it was stopped";
  return {};
}

}  // namespace

Judged judge_service(const std::string& what, const SmokeTest& test, const RunRecord& record,
                     const JudgeContext& context) {
  if (record.state == RunState::not_started || record.state == RunState::output_limit)
    return judge_run(what, test, record, context);
  const bool good =
      record.service && record.service->state == ServiceState::up && record.service->stopped;
  if (!good) return judge_not_up(what, test, record, context);
  if (const auto found = body_mismatch(test.service->http_body, *record.service))
    return judge_mismatch(what, record.program, *found);
  Judged judged = judge_output(what, test.expect, record, context);
  if (judged.passed) judged.reason = stop_note(record);
  return judged;
}

}  // namespace nodeproof::smoke
