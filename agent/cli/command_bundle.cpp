#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <chrono>
#include <memory>
#include <system_error>

#include "agent/cli/bundle.hpp"
#include "agent/cli/side_file.hpp"
#include "agent/cli/signals.hpp"
#include "common/clock.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

namespace fs = std::filesystem;

std::string node_name(const config::Config& config) {
  if (!config.node.name.empty()) return config.node.name;
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "node";
}

// "nodeproof-pi-17-2026-11-22T061500Z"
std::string folder_name(const std::string& node, std::chrono::system_clock::time_point now) {
  std::string name = "nodeproof-" + node + "-" + to_rfc3339(now);
  std::erase_if(name, [](char c) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return !plain && c != '-' && c != '.' && c != '_';
  });
  return name;
}

Result<std::string> make_bundle(Session& session, const config::Config& config,
                                const std::string& folder) {
  const SignalStop signals;
  Redactor redactor = TRY(Redactor::make());
  learn_secrets(session.globals, config, redactor);
  Bundle bundle(redactor);
  add_parts(bundle, session, config, signals.token());
  if (signals.stopped()) return fail(Errc::cancelled, "interrupted");
  const auto now = SystemClock().now().time_since_epoch();
  return bundle.pack(folder, std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

// "-" = standard output. A file that is there is not replaced.
int write_bundle(Session& session, const std::string& asked) {
  // One that cannot be read is among what is to be looked into.
  const auto loaded = load_config(session.globals);
  const config::Config config = loaded ? *loaded : config::Config{};
  const std::string folder = folder_name(node_name(config), SystemClock().now());
  const SideFile file{"-f", asked.empty() ? folder + ".tar.gz" : asked};
  std::error_code ignored;
  if (asked != "-") {
    if (fs::exists(file.path, ignored)) {
      return complain(session, not_usable(file, {Errc::usage, "there is such a file already",
                                                 "name one that is not there"}));
    }
    if (auto ok = check_writable_file(file); !ok) return complain(session, ok.error());
  }
  const auto packed = make_bundle(session, config, folder);
  if (!packed) return complain(session, packed.error());
  if (asked == "-") {
    session.streams.out << *packed;
    return exit_ok;
  }
  if (auto written = write_file_atomically(file.path, *packed, 0600); !written) {
    return complain(session, not_written(file, written.error()));
  }
  if (!loaded) {
    session.streams.err << "nodeproof: the configuration cannot be read: " << loaded.error().message
                        << '\n';
  }
  session.streams.out << file.path.string() << '\n';
  return exit_ok;
}

}  // namespace

Action declare_bundle(CLI::App& app) {
  auto file = std::make_shared<std::string>();
  app.add_option("-f,--file", *file,
                 "where it goes, \"-\" = standard output (nodeproof-NODE-TIME.tar.gz here)");
  return [file](Session& session) { return write_bundle(session, *file); };
}

}  // namespace nodeproof::cli
