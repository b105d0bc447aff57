#include <algorithm>

#include "agent/smoke/structure_tests.hpp"
#include "common/pattern.hpp"

namespace nodeproof::smoke {
namespace {

using Texts = std::vector<std::string>;

std::string quoted(const std::string& text) { return '"' + text + '"'; }

std::string list_of(const Texts& words) {
  std::string text = "[";
  for (const std::string& word : words) text += (text.size() > 1 ? ", " : "") + quoted(word);
  return text + ']';
}

using Values = std::map<std::string, std::string>;

Values values_of(const Texts& env) {
  Values values;
  for (const std::string& variable : env) {
    const std::size_t equals = variable.find('=');
    const std::string name = variable.substr(0, equals);
    values[name] = equals == std::string::npos ? "" : variable.substr(equals + 1);
  }
  return values;
}

bool fits(const StructureVariable& wanted, const std::string& value) {
  if (!wanted.is_regex) return wanted.value == value;
  const auto pattern = Pattern::compile(wanted.value);
  return pattern && pattern->found_in(value);
}

void compare_values(std::string_view what, const std::vector<StructureVariable>& wanted,
                    const Values& found, Texts& problems) {
  for (const StructureVariable& one : wanted) {
    const auto at = found.find(one.key);
    const std::string name = std::string(what) + ' ' + one.key;
    if (at == found.end()) {
      problems.push_back(name + " is not set");
    } else if (!fits(one, at->second)) {
      problems.push_back(name + " is " + quoted(at->second) +
                         (one.is_regex ? " and does not match " : " instead of ") +
                         quoted(one.value));
    }
  }
}

void compare_words(std::string_view what, const std::optional<Texts>& wanted, const Texts& found,
                   Texts& problems) {
  if (!wanted || *wanted == found) return;
  problems.push_back(std::string(what) + " is " + list_of(found) + " instead of " +
                     list_of(*wanted));
}

void compare_text(std::string_view what, const std::string& wanted, const std::string& found,
                  Texts& problems) {
  if (wanted.empty() || wanted == found) return;
  problems.push_back(std::string(what) + " is " + quoted(found) + " instead of " + quoted(wanted));
}

bool exposes(const ImageConfig& image, const std::string& port) {
  return std::ranges::any_of(image.exposed_ports, [&](const std::string& exposed) {
    return exposed == port || exposed.substr(0, exposed.find('/')) == port;
  });
}

bool has_volume(const ImageConfig& image, const std::string& volume) {
  return std::ranges::find(image.volumes, volume) != image.volumes.end();
}

}  // namespace

Texts metadata_problems(const StructureMetadata& wanted, const ImageConfig& image) {
  Texts problems;
  const Values env = values_of(image.env);
  compare_values("variable", wanted.env, env, problems);
  for (const StructureVariable& one : wanted.unbound_env) {
    if (env.contains(one.key)) problems.push_back("variable " + one.key + " is set");
  }
  compare_values("label", wanted.labels, image.labels, problems);
  compare_words("Entrypoint", wanted.entrypoint, image.entrypoint, problems);
  compare_words("Cmd", wanted.cmd, image.cmd, problems);
  compare_text("WorkingDir", wanted.workdir, image.working_dir, problems);
  compare_text("User", wanted.user, image.user, problems);
  for (const std::string& port : wanted.exposed_ports) {
    if (!exposes(image, port)) problems.push_back("port " + port + " is not exposed");
  }
  for (const std::string& port : wanted.unexposed_ports) {
    if (exposes(image, port)) problems.push_back("port " + port + " is exposed");
  }
  for (const std::string& volume : wanted.volumes) {
    if (!has_volume(image, volume)) problems.push_back("there is no volume " + volume);
  }
  for (const std::string& volume : wanted.unmounted_volumes) {
    if (has_volume(image, volume)) problems.push_back("there is a volume " + volume);
  }
  return problems;
}

}  // namespace nodeproof::smoke
