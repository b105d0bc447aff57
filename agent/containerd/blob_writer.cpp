#include <algorithm>

#include "agent/containerd/blob_writer_grpc.hpp"

namespace nodeproof::containerd {
namespace {

constexpr std::size_t kChunk = 256 << 10;
constexpr unsigned kInFlight = 2;
constexpr auto kStreamDeadline = std::chrono::hours(24);  // less than a lease has left

bool is_config(std::string_view type) {
  return type == "application/vnd.oci.image.config.v1+json" ||
         type == "application/vnd.docker.container.image.v1+json";
}

}  // namespace

std::string ref_key(const Descriptor& blob) {
  const std::string_view kind = media_type::is_index(blob.media_type)      ? "index-"
                                : media_type::is_manifest(blob.media_type) ? "manifest-"
                                : media_type::is_layer(blob.media_type)    ? "layer-"
                                : is_config(blob.media_type)               ? "config-"
                                                                           : "unknown-";
  return std::string(kind) + blob.digest.str();
}

GrpcBlobWriter::GrpcBlobWriter(const ContentClient& content, const Descriptor& blob,
                               const CallOptions& options)
    : content_(content),
      digest_(blob.digest),
      total_(blob.size),
      ref_(ref_key(blob)),
      call_(content.channel().options().namespace_,
            {kStreamDeadline, options.stop, options.lease}) {
  request_.set_ref(ref_);
  request_.set_total(static_cast<std::int64_t>(total_));
  request_.set_expected(digest_.str());
}

// The partial blob stays: whoever opens the ref next goes on behind what containerd has.
GrpcBlobWriter::~GrpcBlobWriter() {
  if (!stream_ || finished_) return;
  call_.cancel();
  static_cast<void>(finish());
}

std::string GrpcBlobWriter::what(std::string_view doing) const {
  return std::string(doing) + " blob " + digest_.str();
}

Result<GrpcBlobWriter::Opened> GrpcBlobWriter::open() {
  const Channel& channel = content_.channel();
  if (auto probe = channel.reachable(); !probe) {
    return std::unexpected(std::move(probe).error().with_context(what("opening")));
  }
  stream_ = content_.stub().Write(&call_.context());
  content_api::WriteContentResponse reply;
  if (send(content_api::STAT) && stream_->Read(&reply)) {
    in_flight_ = 0;
    sent_ = static_cast<std::uint64_t>(std::max<std::int64_t>(reply.offset(), 0));
    return Opened::writing;
  }
  const grpc::Status status = finish();
  if (is(status, grpc::StatusCode::ALREADY_EXISTS)) return Opened::exists;
  if (is_locked(status)) return Opened::locked;
  return channel.failure(status, what("opening"));
}

std::uint64_t GrpcBlobWriter::offset() const { return sent_ + request_.data().size(); }

// Sends the request as it stands; containerd answers each message once, in order.
bool GrpcBlobWriter::send(content_api::WriteAction action) {
  request_.set_action(action);
  request_.set_offset(static_cast<std::int64_t>(sent_));
  if (!stream_->Write(request_)) return false;
  sent_ += request_.data().size();
  request_.mutable_data()->clear();
  ++in_flight_;
  return true;
}

Result<> GrpcBlobWriter::flush() {
  content_api::WriteContentResponse reply;
  while (in_flight_ >= kInFlight) {
    if (!stream_->Read(&reply)) return broken("writing");
    --in_flight_;
  }
  if (!send(content_api::WRITE)) return broken("writing");
  return {};
}

Result<> GrpcBlobWriter::write(Bytes bytes) {
  if (finished_) return fail(Errc::internal, what("writing after the end of"));
  if (offset() + bytes.size() > total_) {
    return fail(Errc::too_large,
                what("writing") + ": more than the promised " + std::to_string(total_) + " bytes");
  }
  while (!bytes.empty()) {
    std::string& chunk = *request_.mutable_data();
    const std::size_t part = std::min(bytes.size(), kChunk - chunk.size());
    chunk.append(as_text(bytes.first(part)));
    bytes = bytes.subspan(part);
    if (chunk.size() < kChunk) continue;
    if (auto flushed = flush(); !flushed) return flushed;
  }
  return {};
}

// A COMMIT must carry the offset it commits at: 0 would truncate what is there.
Result<> GrpcBlobWriter::commit(const Labels& labels) {
  if (finished_) return fail(Errc::internal, what("committing after the end of"));
  if (offset() != total_) {
    return fail(Errc::truncated, what("committing") + ": " + std::to_string(offset()) + " of " +
                                     std::to_string(total_) + " bytes are there");
  }
  for (const auto& [key, value] : labels) (*request_.mutable_labels())[key] = value;
  send(content_api::COMMIT);  // when it fails, the stream's status says why
  const grpc::Status status = finish();
  if (status.ok()) return {};
  if (is(status,
         grpc::StatusCode::ALREADY_EXISTS)) {  // committed by another; the labels were not taken
    return labels.empty() ? Result<>{} : content_.label(digest_, labels);
  }
  return refused(status);
}

// The refused ingest stays whole in containerd and would be committed, and refused, again by
// whoever opens it next.
Result<> GrpcBlobWriter::refused(const grpc::Status& status) {
  const Channel& channel = content_.channel();
  if (!is(status, grpc::StatusCode::FAILED_PRECONDITION)) {
    return channel.failure(status, what("committing"));
  }
  auto mismatch = channel.error(status, what("committing"));
  mismatch.code = Errc::digest_mismatch;
  if (auto aborted = content_.abort(ref_); !aborted) return aborted;
  return std::unexpected(std::move(mismatch));
}

Result<> GrpcBlobWriter::close() {
  if (finished_) return {};
  if (!request_.data().empty()) {
    if (auto flushed = flush(); !flushed) return flushed;
  }
  const grpc::Status status = finish();
  return content_.channel().result(status, what("writing"));
}

Result<> GrpcBlobWriter::abort() {
  if (!finished_) call_.cancel();
  static_cast<void>(finish());
  return content_.abort(ref_);
}

Result<> GrpcBlobWriter::broken(std::string_view doing) {
  return content_.channel().failure(finish(), what(doing));
}

// containerd repeats its last reply before it ends the stream: everything is read, nothing counted.
grpc::Status GrpcBlobWriter::finish() {
  if (finished_ || !stream_) return grpc::Status::OK;
  finished_ = true;
  stream_->WritesDone();
  content_api::WriteContentResponse reply;
  while (stream_->Read(&reply)) {
  }
  return stream_->Finish();
}

}  // namespace nodeproof::containerd
