#include <CLI/App.hpp>

#include "agent/cli/command.hpp"
#include "agent/cli/output.hpp"
#include "common/json.hpp"
#include "common/version.hpp"

namespace nodeproof::cli {

std::string version_document() {
  const BuildInfo& build = build_info();
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

Action declare_version(CLI::App& /*app*/) {
  return [](Session& session) {
    const BuildInfo& build = build_info();
    std::ostream& out = session.streams.out;
    if (session.globals.json()) {
      out << version_document() << '\n';
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
