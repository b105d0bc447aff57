#include "agent/containerd/content_grpc.hpp"

namespace nodeproof::containerd {

ContentClient::ContentClient(const Channel& channel)
    : channel_(channel), stub_(content_api::Content::NewStub(channel.transport())) {}

Result<std::optional<BlobInfo>> ContentClient::info(const Digest& digest) const {
  content_api::InfoRequest request;
  request.set_digest(digest.str());
  content_api::InfoResponse response;
  const auto status = channel_.call(
      channel_.brief(), [&](auto* context) { return stub_->Info(context, request, &response); });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return std::nullopt;
  if (!status.ok()) return channel_.failure(status, "looking for blob " + digest.str());
  return BlobInfo{digest, static_cast<std::uint64_t>(response.info().size()),
                  Labels(response.info().labels().begin(), response.info().labels().end())};
}

Result<> ContentClient::label(const Digest& digest, const Labels& labels) const {
  content_api::UpdateRequest request;
  request.mutable_info()->set_digest(digest.str());
  for (const auto& [key, value] : labels) {
    (*request.mutable_info()->mutable_labels())[key] = value;
    request.mutable_update_mask()->add_paths("labels." + key);
  }
  content_api::UpdateResponse response;
  const auto status = channel_.call(
      channel_.brief(), [&](auto* context) { return stub_->Update(context, request, &response); });
  return channel_.result(status, "labelling blob " + digest.str());
}

Result<> ContentClient::read(const Digest& digest, const ByteSink& sink,
                             const std::stop_token& stop) const {
  const std::string what = "reading blob " + digest.str();
  if (auto probe = channel_.reachable(); !probe) {
    return std::unexpected(std::move(probe).error().with_context(what));
  }
  content_api::ReadContentRequest request;
  request.set_digest(digest.str());
  Call call(channel_.options().namespace_, {std::chrono::hours(24), stop, {}});
  const auto stream = stub_->Read(&call.context(), request);
  content_api::ReadContentResponse response;
  while (stream->Read(&response)) {
    if (auto taken = sink(as_bytes(response.data())); !taken) {
      call.cancel();
      static_cast<void>(stream->Finish());
      return taken;
    }
  }
  const grpc::Status status = stream->Finish();
  if (is(status, grpc::StatusCode::NOT_FOUND)) {
    return fail(Errc::not_found, what + ": containerd has no such blob");
  }
  return channel_.result(status, what);
}

Result<std::optional<content_api::Status>> ContentClient::ingest(
    const std::string& ref, const std::stop_token& stop) const {
  content_api::StatusRequest request;
  request.set_ref(ref);
  content_api::StatusResponse response;
  const auto status = channel_.call(
      {.stop = stop}, [&](auto* context) { return stub_->Status(context, request, &response); });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return std::nullopt;
  if (!status.ok()) return channel_.failure(status, "looking at ingest " + ref);
  return std::move(*response.mutable_status());
}

Result<> ContentClient::abort(const std::string& ref) const {
  content_api::AbortRequest request;
  request.set_ref(ref);
  google::protobuf::Empty response;
  const auto status =
      channel_.call({}, [&](auto* context) { return stub_->Abort(context, request, &response); });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return {};
  return channel_.result(status, "dropping ingest " + ref);
}

}  // namespace nodeproof::containerd
