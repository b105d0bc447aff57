#include "agent/report/sink/cloud_event.hpp"

#include "agent/report/json.hpp"
#include "agent/report/sink/sortable.hpp"
#include "common/clock.hpp"
#include "common/crypto.hpp"
#include "common/http_url.hpp"
#include "common/json.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kIdDigits = 32;

}  // namespace

CloudEvent cloud_event(const NodeReport& report, const std::string& document,
                       std::uint64_t dropped) {
  // Of the report alone: a signature differs each time it is made.
  const std::string digest = hash_of(as_bytes(to_json(report, false))).str();
  CloudEvent event{digest.substr(digest.find(':') + 1, kIdDigits), ""};
  json::Writer out;
  out.begin_object().member("specversion", "1.0").member("id", event.id);
  out.member("source", "https://nodeproof.dev/nodes/" + percent_encode(report.node));
  out.member("type", "dev.nodeproof.report.v1").member("subject", report.node);
  out.member("time", to_rfc3339(report.time)).member("datacontenttype", "application/json");
  out.member("sequence", sortable(report.sequence))
      .member("nodeproofdropped", std::to_string(dropped));
  out.key("data").raw(document).end_object();
  event.json = out.str();
  return event;
}

}  // namespace nodeproof::report
