#include "agent/host/host.hpp"
#include "agent/model_json.hpp"

namespace nodeproof::host {
namespace {

constexpr std::string_view kApiVersion = "nodeproof.dev/v1";
constexpr std::string_view kKind = "HostFacts";

}  // namespace

void write_document_head(json::Writer& out) {
  out.member("apiVersion", kApiVersion);
  out.member("kind", kKind);
}

std::string to_json(const HostFacts& facts) {
  json::Writer out(true);
  out.begin_object();
  write_document_head(out);
  write_host_members(out, facts);
  out.key("findings");
  write_findings(out, facts.findings);
  out.end_object();
  return out.str();
}

Result<HostFacts> from_json(std::string_view text) {
  const json::Value document = TRY(json::parse(text));
  const std::string api = TRY(document.string_or("apiVersion", ""));
  const std::string kind = TRY(document.string_or("kind", ""));
  if (api != kApiVersion || kind != kKind) {
    return fail(Errc::invalid_document, "not a nodeproof.dev/v1 HostFacts document",
                "make one with: nodeproof host -o json");
  }
  HostFacts facts = TRY(read_host_members(document));
  facts.findings = TRY(read_findings(document, "findings"));
  return facts;
}

}  // namespace nodeproof::host
