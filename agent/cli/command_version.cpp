#include <CLI/App.hpp>

#include "agent/cli/command.hpp"
#include "common/json.hpp"
#include "common/version.hpp"

namespace nodeproof::cli {
namespace {

std::string as_json(const BuildInfo& build) {
  json::Writer writer(true);
  writer.begin_object()
      .member("version", build.version)
      .member("commit", build.commit)
      .member("target", build.target)
      .key("libraries")
      .begin_object();
  for (const LibraryVersion& library : build.libraries) {
    writer.member(library.name, library.version);
  }
  return writer.end_object().end_object().str();
}

}  // namespace

Action declare_version(CLI::App& /*app*/) {
  return [](Session& session) {
    const BuildInfo& build = build_info();
    std::ostream& out = session.streams.out;
    if (session.globals.json()) {
      out << as_json(build) << '\n';
      return +exit_ok;
    }
    out << "nodeproof " << build.version << " (commit " << build.commit << ", " << build.target
        << ")\n";
    for (const LibraryVersion& library : build.libraries) {
      out << "  " << library.name << ' ' << library.version << '\n';
    }
    return +exit_ok;
  };
}

}  // namespace nodeproof::cli
