#include "agent/registry/credential_helper.hpp"

#include "common/json.hpp"
#include "common/subprocess.hpp"
#include "common/text.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::size_t kMaxWords = 200;  // bytes
constexpr std::string_view kNotFound = "credentials not found";
constexpr std::string_view kTokenUser = "<token>";

Result<WrittenLogin> login_of(const std::string& answer, const std::string& program) {
  // Nothing of the answer may stand in the message.
  const auto unreadable = [&] {
    return fail(Errc::invalid_document, program + " did not answer with Username and Secret");
  };
  const auto document = json::parse(answer);
  if (!document) return unreadable();
  const auto username = document->string_or("Username", "");
  const auto secret = document->string_or("Secret", "");
  if (!username || !secret || secret->empty()) return unreadable();
  WrittenLogin login;
  if (*username == kTokenUser) {
    login.identity_token = *secret;
  } else if (username->empty()) {
    return unreadable();
  } else {
    login.username = *username;
    login.password = *secret;
  }
  return login;
}

}  // namespace

std::string last_words(const std::string& errors) {
  const auto end = errors.find_last_not_of(" \r\n\t");
  return end == std::string::npos ? "" : ": " + printable(errors.substr(0, end + 1), kMaxWords);
}

Result<std::optional<WrittenLogin>> ask_helper(const Helper& helper, const Surroundings& around,
                                               const std::stop_token& stop) {
  const std::string program = TRY(find_program("docker-credential-" + helper.name, around));
  TRY(check_only_root_writes(program, around));
  const Finished finished = TRY(run_command(
      {.argv = {program, "get"}, .environment = helper_environment(around), .input = helper.server},
      stop));
  if (finished.exit_status == 0) {
    return std::optional<WrittenLogin>(TRY(login_of(finished.output, program)));
  }
  if (finished.output.find(kNotFound) != std::string::npos) return std::optional<WrittenLogin>();
  // By the protocol a failure's reason is on stdout, where otherwise secrets are.
  const bool spoke = finished.errors.empty() && finished.output.find('{') == std::string::npos;
  return fail(Errc::unauthorized,
              program + " failed for " + helper.server + " with status " +
                  std::to_string(finished.exit_status) +
                  last_words(spoke ? finished.output : finished.errors),
              "try it by hand: echo " + helper.server + " | " + program + " get");
}

}  // namespace nodeproof::registry
