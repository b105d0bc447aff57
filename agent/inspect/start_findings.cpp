#include <algorithm>
#include <array>

#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "agent/inspect/fit.hpp"

namespace nodeproof::inspect {

namespace {

struct Row {
  Obstacle obstacle;
  std::string_view code;
  Severity severity;
  bool absence;              // depends on having seen every layer
  std::string_view message;  // {} = the subject, [] = who needs it
  std::string_view remedy;
};

constexpr auto kRows = std::to_array<Row>({
    {Obstacle::command_missing, code::kEntrypointMissing, Severity::fail, true,
     "\"{}\", the command of [], is not in the image",
     "Correct ENTRYPOINT, CMD or the test's args, or add the program to the image."},
    {Obstacle::not_executable, code::kEntrypointMissing, Severity::fail, true,
     "{} cannot be executed, [] needs it",
     "Set the x bit (chmod 0755, COPY --chmod=0755) or name another program."},
    {Obstacle::not_a_program, code::kEntrypointMissing, Severity::fail, true,
     "{} is neither a program nor a script with #!: \"exec format error\" for []",
     "Put #! and the interpreter on the script's first line, or copy the program itself."},
    {Obstacle::empty, code::kFileCorrupt, Severity::fail, true,
     "{} has no content, [] needs it: \"exec format error\" or \"file too short\"",
     "Build the image again and look why the file was copied empty."},
    {Obstacle::interpreter_missing, code::kEntrypointMissing, Severity::fail, true,
     "{}, the interpreter of the script [], is not in the image",
     "Add the interpreter to the image, or correct the script's first line (with Unix line ends)."},
    {Obstacle::script_loop, code::kEntrypointMissing, Severity::fail, true,
     "{} is the fifth script behind each other; the kernel gives up there",
     "Let the scripts name a program as interpreter."},
    {Obstacle::loader_missing, code::kLoaderMissing, Severity::fail, true,
     "{}, the loader of [], is not in the image: \"no such file or directory\"",
     "Use a base image with the libc the program was built for (glibc or musl), or link it "
     "statically."},
    {Obstacle::library_missing, code::kLibraryMissing, Severity::fail, true,
     "{}, needed by [], is not in the image",
     "Install the package that brings the library, or copy it into the image."},
    {Obstacle::library_elsewhere, code::kLibraryMissing, Severity::warn, true,
     "{}, needed by [], is not where its loader is known to look",
     "Put its directory into /etc/ld.so.conf.d and run ldconfig, or set a run path."},
    {Obstacle::library_injected, code::kLibraryMissing, Severity::warn, true,
     "{}, needed by [], is not in the image; NVIDIA's container runtime is expected to bring it",
     "Run the image with the NVIDIA runtime or CDI, and smoke-test it there."},
    {Obstacle::library_foreign, code::kArchMismatch, Severity::fail, false,
     "{} is for another machine than [], which needs it",
     "Install the library for the program's own architecture."},
    {Obstacle::unknown, code::kInspectionIncomplete, Severity::unknown, false,
     "{}, which [] needs, could not be read as a program", "Declare a smoke test that runs it."},
});

std::string fill(std::string_view pattern, const Problem& problem) {
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view mark = pattern.substr(i, 2);
    if (mark != "{}" && mark != "[]") {
      text += pattern[i];
      continue;
    }
    text += mark == "{}" ? problem.subject : problem.via;
    ++i;
  }
  return text;
}

Finding finding_of(const Problem& problem, bool complete) {
  const Row& row = *std::ranges::find(kRows, problem.obstacle, &Row::obstacle);
  Finding finding;
  finding.code = row.code;
  finding.severity = row.severity;
  if (row.absence && !complete && row.severity == Severity::fail) {
    finding.severity = Severity::unknown;  // a layer that could not be read may bring it
  }
  finding.subject = problem.subject;
  finding.layer = problem.layer;
  finding.message = fill(row.message, problem);
  finding.evidence = problem.detail;
  finding.remedy = row.remedy;
  return finding;
}

Finding no_command(const InspectInput& input) {
  Finding finding;
  finding.code = code::kEntrypointMissing;
  finding.severity = input.tests.empty() ? Severity::warn : Severity::info;
  finding.subject = "entrypoint";
  finding.message = "The image names no command, so nothing is known about what will run in it";
  finding.evidence = "Entrypoint and Cmd of the image config are empty";
  finding.remedy = "Declare a smoke test with the command that the workload uses.";
  return finding;
}

// A program that cannot run here at all is one finding; what else it would need is none.
bool cannot_run_here(const Scene& scene, const std::string& path) {
  return std::ranges::any_of(scene.reached.programs, [&](const Program& program) {
    if ("/" + program.path != path) return false;
    const elf::Header& header = program.node.elf()->header;
    const Fit fits = fit(scene.input.host, header);
    return fits != Fit::native && fits != Fit::compatible &&
           !emulator(scene.input.host, scene.view, header);
  });
}

}  // namespace

std::vector<Finding> start_findings(const Scene& scene) {
  std::vector<Finding> findings;
  const ImageConfig& config = scene.input.image.config;
  if (config.entrypoint.empty() && config.cmd.empty()) findings.push_back(no_command(scene.input));
  for (const Problem& problem : scene.reached.problems) {
    if (cannot_run_here(scene, problem.via)) continue;
    Finding finding = finding_of(problem, scene.complete);
    if (std::ranges::find(findings, finding) == findings.end())
      findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace nodeproof::inspect
