#include <algorithm>

#include "agent/containerd/leases_grpc.hpp"
#include "common/clock.hpp"

namespace nodeproof::containerd {
namespace {

constexpr std::string_view kExpire = "containerd.io/gc.expire";
constexpr std::chrono::seconds kQuick{10};
constexpr std::chrono::seconds kCollect{60};  // a garbage collection that deletes large blobs

}  // namespace

LeaseClient::LeaseClient(const Channel& channel)
    : channel_(channel), stub_(leases_api::Leases::NewStub(channel.transport())) {}

Result<bool> LeaseClient::try_create(const std::string& id, const Labels& labels) const {
  leases_api::CreateRequest request;
  request.set_id(id);
  for (const auto& [key, value] : labels) (*request.mutable_labels())[key] = value;
  leases_api::CreateResponse response;
  const auto status = channel_.call(
      channel_.brief(), [&](auto* context) { return stub_->Create(context, request, &response); });
  if (is(status, grpc::StatusCode::ALREADY_EXISTS)) return false;
  if (!status.ok()) return channel_.failure(status, "creating lease " + id);
  return true;
}

Result<> LeaseClient::create(const Lease& lease, std::chrono::seconds lifetime) const {
  const auto now = std::chrono::system_clock::now();
  Labels labels = lease.labels;
  labels.insert_or_assign(std::string(kExpire), to_rfc3339(now + lifetime));
  if (TRY(try_create(lease.id, labels))) return {};
  const auto found = TRY(select("id==\"" + lease.id + "\""));
  if (found.empty()) return fail(Errc::busy, "lease " + lease.id + " comes and goes");
  const auto expire = found.front().labels.find(std::string(kExpire));
  // RFC 3339 in UTC sorts as text.
  if (expire != found.front().labels.end() && expire->second > to_rfc3339(now + lifetime / 2)) {
    return {};
  }
  return renew(lease.id, labels);
}

// Leases cannot be extended. All the while something holds what the old one held.
Result<> LeaseClient::renew(const std::string& id, const Labels& labels) const {
  const std::string bridge = id + "-renewal";
  static_cast<void>(TRY(try_create(bridge, labels)));
  TRY(copy(id, bridge));
  TRY(remove(id));
  static_cast<void>(TRY(try_create(id, labels)));
  TRY(copy(bridge, id));
  return remove(bridge);
}

Result<> LeaseClient::copy(const std::string& from, const std::string& to) const {
  leases_api::ListResourcesRequest request;
  request.set_id(from);
  leases_api::ListResourcesResponse response;
  const auto status = channel_.call(channel_.brief(), [&](auto* context) {
    return stub_->ListResources(context, request, &response);
  });
  if (!status.ok()) return channel_.failure(status, "listing what lease " + from + " holds");
  for (const auto& resource : response.resources()) TRY(add(to, resource.type(), resource.id()));
  return {};
}

Result<> LeaseClient::add(const std::string& id, const std::string& type,
                          const std::string& resource) const {
  leases_api::AddResourceRequest request;
  request.set_id(id);
  request.mutable_resource()->set_id(resource);
  request.mutable_resource()->set_type(type);
  google::protobuf::Empty response;
  const auto status = channel_.call(channel_.brief(), [&](auto* context) {
    return stub_->AddResource(context, request, &response);
  });
  return channel_.result(status, "adding " + resource + " to lease " + id);
}

Result<> LeaseClient::remove(const std::string& id, Release release) const {
  leases_api::DeleteRequest request;
  request.set_id(id);
  request.set_sync(release == Release::at_once);
  google::protobuf::Empty response;
  const auto status =
      channel_.call({.deadline = release == Release::at_once ? kCollect : kQuick},
                    [&](auto* context) { return stub_->Delete(context, request, &response); });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return {};
  return channel_.result(status, "deleting lease " + id);
}

Result<std::vector<Lease>> LeaseClient::list(const std::string& label) const {
  return select("labels.\"" + label + "\"");
}

Result<std::vector<Lease>> LeaseClient::select(const std::string& filter) const {
  leases_api::ListRequest request;
  request.add_filters(filter);
  leases_api::ListResponse response;
  const auto status = channel_.call(
      channel_.brief(), [&](auto* context) { return stub_->List(context, request, &response); });
  if (!status.ok()) return channel_.failure(status, "listing leases");
  std::vector<Lease> leases;
  for (const auto& lease : response.leases()) {
    leases.push_back({lease.id(), Labels(lease.labels().begin(), lease.labels().end())});
  }
  return leases;
}

}  // namespace nodeproof::containerd
