// A container-structure-test file as it is written: schemaVersion 2.0.0 of
// github.com/GoogleContainerTools/container-structure-test. Only its shape; what it means for an
// image is structure_tests.hpp's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof::smoke {

struct StructureVariable {  // of the environment, or a label
  std::string key, value;
  bool is_regex = false;
};

struct StructureCommand {
  std::string name, command;
  std::vector<std::string> args;
  std::vector<std::vector<std::string>> setup, teardown;
  std::vector<StructureVariable> env;
  SmokeExpectation expect;
};

struct StructureFile {  // existence and content tests
  std::string name;
  FileCheck check;
};

struct StructureMetadata {
  std::vector<StructureVariable> env, unbound_env, labels;
  std::optional<std::vector<std::string>> entrypoint, cmd;  // nothing = not asked
  std::vector<std::string> exposed_ports, unexposed_ports, volumes, unmounted_volumes;
  std::string workdir, user;  // "" = not asked
};

struct StructureDocument {
  std::vector<StructureVariable> global_env;
  std::vector<StructureCommand> commands;
  std::vector<StructureFile> files;
  std::optional<StructureMetadata> metadata;
  std::string user;                      // containerRunOptions
  std::vector<std::string> unsupported;  // what it asks for that is not done here, in words
};

// json: the file is JSON, else YAML. Errc::invalid_document with line and path: unknown keys, wrong
// types, expressions that are none; Errc::unsupported: another schemaVersion.
Result<StructureDocument> parse_structure_document(std::string_view text, bool json);

}  // namespace nodeproof::smoke
