#include "agent/host/host.hpp"
#include "agent/host/profiles.hpp"
#include "agent/host/text_files.hpp"
#include "agent/model_json.hpp"
#include "common/text.hpp"

namespace nodeproof::host {
namespace {

constexpr std::size_t kNameWidth = 13;
constexpr std::size_t kLineWidth = 100;

void line(std::string& out, std::string_view label, std::string_view text) {
  out.append(label).append(kNameWidth - std::min(kNameWidth, label.size()), ' ');
  out.append(wrapped(text, kNameWidth, kLineWidth)).push_back('\n');
}

}  // namespace

HostFacts facts_of(const Profile& profile) {
  HostFacts facts;
  const bool arm = profile.architecture == "arm64";
  facts.platform.os = "linux";
  facts.platform.architecture = profile.architecture;
  if (arm) facts.platform.variant = "v8";
  facts.machine = arm ? "aarch64" : "x86_64";
  facts.kernel_bits = facts.userland_bits = 64;
  facts.page_size = profile.page_size;
  facts.va_bits = profile.va_bits;
  for (const std::string_view feature : words_of(profile.features)) {
    facts.hwcaps.emplace_back(feature);
  }
  facts.isa_level = profile.isa_level;
  facts.board = profile.board;
  facts.name = profile.name;
  return facts;
}

std::string to_json(const Profile& profile) {
  json::Writer out(true);
  out.begin_object();
  write_document_head(out);
  write_host_members(out, facts_of(profile));
  out.key("findings").begin_array().end_array();
  out.key("origins").begin_object();
  for (const Origin& origin : profile.origins) out.member(origin.fact, origin.source);
  out.end_object().end_object();
  return out.str();
}

std::string to_table(const Profile& profile) {
  std::string out = to_table(facts_of(profile));
  out += "\nwhere this is from (";
  out.append(profile.summary).append("):\n");
  for (const Origin& origin : profile.origins) {
    out.append("  ").append(origin.fact).append(": ").append(origin.source).push_back('\n');
  }
  return out;
}

std::string profiles_table() {
  std::string out;
  for (const Profile& profile : profiles()) line(out, profile.name, profile.summary);
  return out;
}

std::string profiles_json() {
  json::Writer out(true);
  out.begin_object().key("profiles").begin_array();
  for (const Profile& profile : profiles()) {
    out.begin_object().member("name", profile.name).member("summary", profile.summary);
    out.member("platform", to_string(facts_of(profile).platform)).end_object();
  }
  out.end_array().end_object();
  return out.str();
}

}  // namespace nodeproof::host
