#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

std::string about(const HostFacts& host, const elf::Header& header) {
  return elf::describe(header) + "; " + host_takes(host);
}

Finding start_of(const Program& program) {
  Finding finding;
  finding.subject = "/" + printable(program.path);
  finding.layer = program.node.layer->layer.str();
  return finding;
}

// Of a 32-bit Arm program on an arm64 host, where that has been tried.
std::optional<bool> is_taken(const HostFacts& host, const elf::Header& header) {
  if (header.machine != elf::kMachineArm || !is_arm64(host)) return std::nullopt;
  return host.aarch32;
}

// Its own family's other width: an image chosen as such (arm/v7 on arm64) is told, anything else is
// warned of.
Finding compatible(const Scene& scene, const Program& program) {
  const elf::Header& header = program.node.elf()->header;
  const std::string architecture = elf::oci_architecture(header);
  const bool chosen = architecture == normalize(scene.input.image.config.platform).architecture;
  const std::optional<bool> taken = is_taken(scene.input.host, header);
  Finding finding = start_of(program);
  finding.code = code::kArchMismatch;
  finding.severity = chosen ? Severity::info : Severity::warn;
  finding.message = finding.subject + ", needed by " + program.via + ", is built for " +
                    (architecture.empty() ? elf::machine_name(header.machine) : architecture);
  finding.evidence = about(scene.input.host, header);
  if (!taken) {
    finding.message +=
        "; whether the host's kernel and processor run that is shown by a smoke test only";
    if (!scene.input.will_run && header.machine == elf::kMachineArm) {
      finding.severity = Severity::unknown;
    }
  } else {
    finding.evidence += *taken ? "; a 32-bit Arm program was started there"
                               : "; a 32-bit Arm program could not be started there";
    finding.message += *taken ? ", which this host runs beside its own"
                              : ", and this host runs no 32-bit programs: \"exec format error\"";
    if (!*taken) finding.severity = Severity::fail;
  }
  finding.remedy = rebuild_remedy(scene.input.host);
  return finding;
}

Finding emulated(const Scene& scene, const Program& program, const BinfmtHandler& handler) {
  Finding finding = start_of(program);
  finding.code = code::kWouldRunEmulated;
  switch (scene.input.emulation) {
    case Emulation::refuse:
      finding.severity = Severity::fail;
      break;
    case Emulation::warn:
      finding.severity = Severity::warn;
      break;
    case Emulation::allow:
      finding.severity = Severity::info;
      break;
  }
  const elf::Header& header = program.node.elf()->header;
  finding.message = finding.subject + ", needed by " + program.via + ", is built for " +
                    elf::machine_name(header.machine) + " and would run emulated by " +
                    printable(handler.interpreter);
  finding.evidence = about(scene.input.host, header) + "; binfmt_misc handler " +
                     printable(handler.name) + ", flags " + printable(handler.flags);
  finding.remedy =
      rebuild_remedy(scene.input.host) + " To accept emulation set \"emulation\": \"allow\".";
  return finding;
}

Finding mismatch(const Scene& scene, const Program& program) {
  const elf::Header& header = program.node.elf()->header;
  Finding finding = start_of(program);
  finding.code = code::kArchMismatch;
  finding.severity = Severity::fail;
  finding.message = finding.subject + ", needed by " + program.via + ", is built for " +
                    elf::machine_name(header.machine) + ": \"exec format error\" on " +
                    host_platform(scene.input.host);
  finding.evidence = about(scene.input.host, header);
  finding.remedy = rebuild_remedy(scene.input.host);
  return finding;
}

Finding elsewhere(const Scene& scene, const Group& group) {
  Finding finding;
  finding.code = code::kArchMismatch;
  const auto handler = emulator(scene.input.host, scene.view, group.header);
  const bool accepted = handler && scene.input.emulation == Emulation::allow;
  const bool quiet = group.expected || group.compatible || group.told || accepted;
  finding.severity = quiet ? Severity::info : Severity::warn;
  const bool single = group.count == 1;
  finding.subject =
      single ? group.first.front()
             : (group.directory.empty() ? "several directories" : "/" + printable(group.directory));
  finding.layer = group.layer;
  finding.message = std::to_string(group.count) + (single ? " file is" : " files are") +
                    " built for " + elf::machine_name(group.machine);
  if (group.expected) {
    finding.message += ", in places kept for that architecture";
  } else if (group.compatible) {
    finding.message += ", which the host may or may not run";
  } else if (group.told) {
    finding.message += " like a program that is a finding of its own";
  } else {
    finding.message += "; no known start needs " + std::string(single ? "it" : "them");
  }
  for (const std::string& path : group.first) {
    finding.evidence += (finding.evidence.empty() ? "" : ", ") + path;
  }
  if (group.count > group.first.size()) finding.evidence += ", ...";
  finding.evidence += ": " + about(scene.input.host, group.header);
  finding.remedy = quiet ? "Nothing to do; leaving them out makes the image smaller."
                         : rebuild_remedy(scene.input.host);
  return finding;
}

}  // namespace

std::string host_platform(const HostFacts& host) { return to_string(normalize(host.platform)); }

std::string rebuild_remedy(const HostFacts& host) {
  return "Rebuild or replace it for " + host_platform(host) +
         ": check FROM --platform, GOARCH, and what is downloaded or copied in.";
}

std::vector<Finding> program_findings(const Scene& scene) {
  std::vector<Finding> findings;
  for (const Program& program : scene.reached.programs) {
    const elf::Header& header = program.node.elf()->header;
    const Fit fits = fit(scene.input.host, header);
    if (fits == Fit::native) continue;
    const auto handler = emulator(scene.input.host, scene.view, header);
    const bool refused = is_taken(scene.input.host, header) == std::optional(false);
    if (fits == Fit::compatible && !(refused && handler))
      findings.push_back(compatible(scene, program));
    else if (handler)
      findings.push_back(emulated(scene, program, *handler));
    else
      findings.push_back(mismatch(scene, program));
  }
  return findings;
}

std::vector<Finding> census_findings(const Scene& scene) {
  std::vector<Finding> findings;
  findings.reserve(scene.census.groups.size());
  for (const Group& group : scene.census.groups) findings.push_back(elsewhere(scene, group));
  return findings;
}

}  // namespace nodeproof::inspect
