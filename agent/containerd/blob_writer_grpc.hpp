// Writing blobs into containerd's content store (services/content/v1 Write): resumable, verified by
// containerd itself.
#pragma once

#include <memory>
#include <string>

#include "agent/containerd/content_grpc.hpp"

namespace nodeproof::containerd {

// The ref key that Go clients use too (remotes.MakeRefKey), so that a kubelet and we meet on one
// ingest.
std::string ref_key(const Descriptor& blob);

// One Write stream. Chunks of 256 KiB, two on their way at most.
class GrpcBlobWriter final : public BlobWriter {
 public:
  // What opening a ref came to.
  enum class Opened { writing, exists, locked };

  GrpcBlobWriter(const ContentClient& content, const Descriptor& blob, const CallOptions& options);
  ~GrpcBlobWriter() override;
  GrpcBlobWriter(const GrpcBlobWriter&) = delete;
  GrpcBlobWriter& operator=(const GrpcBlobWriter&) = delete;

  Result<Opened> open();

  [[nodiscard]] std::uint64_t offset() const override;
  Result<> write(Bytes bytes) override;
  Result<> commit(const Labels& labels) override;
  Result<> close() override;
  Result<> abort() override;

 private:
  [[nodiscard]] std::string what(std::string_view doing) const;
  bool send(content_api::WriteAction action);
  Result<> flush();
  Result<> broken(std::string_view doing);
  grpc::Status finish();
  Result<> refused(const grpc::Status& status);

  const ContentClient& content_;
  Digest digest_;
  std::uint64_t total_;
  std::string ref_;
  Call call_;
  content_api::WriteContentRequest request_;  // its data is the chunk being filled
  std::uint64_t sent_ = 0;                    // offset behind what has been sent
  unsigned in_flight_ = 0;
  bool finished_ = false;
  std::unique_ptr<
      grpc::ClientReaderWriter<content_api::WriteContentRequest, content_api::WriteContentResponse>>
      stream_;
};

// ImageStore::begin_blob: opens the ref, or waits while somebody else fills it.
Result<std::unique_ptr<BlobWriter>> begin_blob(const ContentClient& content, const Descriptor& blob,
                                               const std::string& lease,
                                               const std::stop_token& stop);

}  // namespace nodeproof::containerd
