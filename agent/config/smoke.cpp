#include <algorithm>

#include "agent/config/sections.hpp"
#include "common/pattern.hpp"

namespace nodeproof::config {
namespace {

constexpr std::chrono::milliseconds kLongestTest{std::chrono::hours(1)};
constexpr std::uint64_t kMostRuns = 1000;
constexpr std::uint64_t kMostCpus = 1024;
constexpr std::size_t kMostCommands = 64;
constexpr std::uint64_t kHighestPort = 65535;
constexpr std::uint64_t kLowestStatus = 100, kHighestStatus = 599;
constexpr std::uint64_t kHighestId = 0xffff'fffe;  // 2^32 - 1 is "no user" to chown(2)

// ---- expect ----
Result<> read_exit(const Entry& entry, SmokeExpectation& into) {
  into.exit = static_cast<int>(TRY(entry.number(0, 255)));
  return {};
}

Result<> read_stdout_digest(const Entry& entry, SmokeExpectation& into) {
  constexpr std::size_t kDigits = 64;
  into.stdout_sha256 = TRY(entry.text());
  const bool hex = into.stdout_sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (into.stdout_sha256.empty() || (hex && into.stdout_sha256.size() == kDigits)) return {};
  return entry.error("write the 64 digits that a report has as \"normalisedSha256\"");
}

constexpr std::array kExpect = {
    Field<SmokeExpectation>{"exit", read_exit},
    Field<SmokeExpectation>{"stdout", patterns<&SmokeExpectation::stdout_matches>},
    Field<SmokeExpectation>{"stdout_excludes", patterns<&SmokeExpectation::stdout_excludes>},
    Field<SmokeExpectation>{"stderr", patterns<&SmokeExpectation::stderr_matches>},
    Field<SmokeExpectation>{"stderr_excludes", patterns<&SmokeExpectation::stderr_excludes>},
    Field<SmokeExpectation>{"stdout_sha256", read_stdout_digest}};

// ---- service ----
Result<> read_port(const Entry& entry, ServiceCheck& into) {
  into.port = static_cast<unsigned>(TRY(entry.number(1, kHighestPort)));
  return {};
}

Result<> read_http(const Entry& entry, ServiceCheck& into) {
  into.http_path = TRY(entry.text());
  const bool clean =
      std::ranges::none_of(into.http_path, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  if (into.http_path.empty() || (into.http_path.starts_with('/') && clean)) return {};
  return entry.error("write the path of a GET, such as \"/healthz\"");
}

Result<> read_status(const Entry& entry, ServiceCheck& into) {
  into.http_status = static_cast<unsigned>(TRY(entry.number(0, kHighestStatus)));
  if (into.http_status == 0 || into.http_status >= kLowestStatus) return {};
  return entry.error("an HTTP status such as 204; 0 = any of 200 to 399");
}

constexpr std::array kService = {Field<ServiceCheck>{"port", read_port},
                                 Field<ServiceCheck>{"http", read_http},
                                 Field<ServiceCheck>{"status", read_status},
                                 Field<ServiceCheck>{"body", regex<&ServiceCheck::http_body>}};

Result<> read_service(const Entry& entry, SmokeTest& into) {
  ServiceCheck& service = into.service.emplace();
  TRY(read_fields<ServiceCheck>(entry, kService, service));
  if (service.port == 0) return entry.error("a service needs a \"port\"");
  if (service.http_path.empty() && (service.http_status != 0 || !service.http_body.empty())) {
    return entry.error("\"status\" and \"body\" are those of an answer: say \"http\", too");
  }
  return {};
}

// ---- file ----
Result<> read_target(const Entry& entry, FileCheck& into) {
  into.path = TRY(entry.inside());
  return {};
}

Result<> read_mode(const Entry& entry, FileCheck& into) {
  static constexpr std::string_view kMode = "\\A([-dlcbps]([r-][w-][xsS-]){2}[r-][w-][xtT-])?\\z";
  into.mode = TRY(entry.text());
  if (const auto mode = Pattern::compile(kMode); mode && mode->found_in(into.mode)) return {};
  return entry.error("\"" + excerpt(into.mode, 64) +
                     "\" is not a mode as ls writes it, such as \"-rw-r--r--\"");
}

template <std::optional<unsigned> FileCheck::* Member>
Result<> read_id(const Entry& entry, FileCheck& into) {
  into.*Member = static_cast<unsigned>(TRY(entry.number(0, kHighestId)));
  return {};
}

Result<> read_executable_by(const Entry& entry, FileCheck& into) {
  static constexpr std::array kChoices = {
      Choice<std::string_view>{"", ""}, Choice<std::string_view>{"owner", "owner"},
      Choice<std::string_view>{"group", "group"}, Choice<std::string_view>{"other", "other"},
      Choice<std::string_view>{"any", "any"}};
  into.executable_by = TRY(one_of<std::string_view>(entry, kChoices));
  return {};
}

constexpr std::array kFile = {Field<FileCheck>{"path", read_target},
                              Field<FileCheck>{"exists", boolean<&FileCheck::exists>},
                              Field<FileCheck>{"mode", read_mode},
                              Field<FileCheck>{"uid", read_id<&FileCheck::uid>},
                              Field<FileCheck>{"gid", read_id<&FileCheck::gid>},
                              Field<FileCheck>{"executable_by", read_executable_by},
                              Field<FileCheck>{"contains", patterns<&FileCheck::contains>},
                              Field<FileCheck>{"excludes", patterns<&FileCheck::excludes>}};

Result<> read_file_check(const Entry& entry, SmokeTest& into) {
  FileCheck& file = into.file.emplace();
  TRY(read_fields<FileCheck>(entry, kFile, file));
  if (file.path.empty()) return entry.error("which file? It needs a \"path\"");
  FileCheck absent;
  absent.path = file.path;
  absent.exists = false;
  if (!file.exists && file != absent) {
    return entry.error("of a file that must not exist nothing else can be asked");
  }
  return {};
}

// ---- a test ----
Result<> read_args(const Entry& entry, SmokeTest& into) {
  into.args = TRY(entry.texts());
  if (into.args.empty() || !into.args.front().empty()) return {};
  return entry.error("the first argument is the program and must not be empty");
}

Result<> read_env(const Entry& entry, SmokeTest& into) {
  into.env = TRY(entry.texts());
  const auto is_setting = [](const std::string& text) {
    const std::size_t equals = text.find('=');
    return equals != 0 && equals != std::string::npos;
  };
  if (!std::ranges::all_of(into.env, is_setting)) return entry.error("write each as NAME=value");
  return {};
}

Result<> read_timeout(const Entry& entry, SmokeTest& into) {
  into.timeout = TRY(entry.duration());
  if (into.timeout > kLongestTest) return entry.error("at most \"1h\"");
  return {};
}

Result<> read_repeat(const Entry& entry, SmokeTest& into) {
  into.repeat = static_cast<unsigned>(TRY(entry.number(1, kMostRuns)));
  return {};
}

Result<> read_cpus(const Entry& entry, SmokeTest& into) {
  into.cpus = static_cast<unsigned>(TRY(entry.number(0, kMostCpus)));
  return {};
}

template <std::vector<std::vector<std::string>> SmokeTest::* Member>
Result<> commands(const Entry& entry, SmokeTest& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  if (entry.value().items().size() > kMostCommands) return entry.error("at most 64 commands");
  for (const json::Value& item : entry.value().items()) {
    const Entry here = entry.child(item);
    std::vector<std::string>& command = (into.*Member).emplace_back(TRY(here.texts()));
    if (command.empty() || command.front().empty()) {
      return here.error("a command starts with its program: [\"/bin/prepare\", \"-v\"]");
    }
  }
  return {};
}

constexpr std::array kSmoke = {Field<SmokeTest>{"name", text<&SmokeTest::name>},
                               Field<SmokeTest>{"args", read_args},
                               Field<SmokeTest>{"env", read_env},
                               Field<SmokeTest>{"user", text<&SmokeTest::user>},
                               Field<SmokeTest>{"cwd", path<&SmokeTest::cwd>},
                               Field<SmokeTest>{"stdin", text<&SmokeTest::input>},
                               Field<SmokeTest>{"timeout", read_timeout},
                               Field<SmokeTest>{"repeat", read_repeat},
                               Field<SmokeTest>{"cpus", read_cpus},
                               Field<SmokeTest>{"before", commands<&SmokeTest::before>},
                               Field<SmokeTest>{"after", commands<&SmokeTest::after>},
                               Field<SmokeTest>{"service", read_service},
                               Field<SmokeTest>{"file", read_file_check},
                               Field<SmokeTest>{"expect", [](const Entry& entry, SmokeTest& into) {
                                                  return read_fields<SmokeExpectation>(
                                                      entry, kExpect, into.expect);
                                                }}};

Result<> check_kind(const Entry& entry, const SmokeTest& test) {
  if (test.name.empty()) return entry.error("a smoke test needs a \"name\"");
  if (test.file) {
    SmokeTest bare;
    bare.name = test.name;
    bare.file = test.file;
    if (test == bare) return {};
    return entry.error("a \"file\" is only looked at: next to it goes nothing but \"name\"");
  }
  if (test.service && test.expect.exit != 0)
    return entry.error("a \"service\" is stopped when it is up: its exit status is not looked at");
  if (!test.args.empty() || test.service) return {};
  return entry.error("a smoke test needs \"args\", a \"service\" or a \"file\"");
}

}  // namespace

Result<> read_smoke(const Entry& entry, RequiredImage& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  for (const json::Value& item : entry.value().items()) {
    SmokeTest test;
    const Entry here = entry.child(item);
    TRY(read_fields<SmokeTest>(here, kSmoke, test));
    TRY(check_kind(here, test));
    if (std::ranges::find(into.smoke, test.name, &SmokeTest::name) != into.smoke.end()) {
      return here.error("two smoke tests of this image are named \"" + excerpt(test.name, 64) +
                        "\"");
    }
    into.smoke.push_back(std::move(test));
  }
  return {};
}

std::vector<std::string> supported_smoke_keys() {
  std::vector<std::string> keys;
  list_keys<SmokeTest>("images[].smoke[].", kSmoke, keys);
  list_keys<SmokeExpectation>("images[].smoke[].expect.", kExpect, keys);
  list_keys<ServiceCheck>("images[].smoke[].service.", kService, keys);
  list_keys<FileCheck>("images[].smoke[].file.", kFile, keys);
  return keys;
}

}  // namespace nodeproof::config
