// containerd's content store: what is there, its labels, its bytes.
#pragma once

#include <optional>
#include <stop_token>

#include "agent/containerd/channel_grpc.hpp"
#include "agent/containerd/image_store.hpp"
#include "github.com/containerd/containerd/api/services/content/v1/content.grpc.pb.h"

namespace nodeproof::containerd {

namespace content_api = ::containerd::services::content::v1;

class ContentClient {
 public:
  explicit ContentClient(const Channel& channel);

  Result<std::optional<BlobInfo>> info(const Digest& digest) const;
  Result<> label(const Digest& digest, const Labels& labels) const;  // adds and replaces
  Result<> read(const Digest& digest, const ByteSink& sink, const std::stop_token& stop) const;

  // What another client's ingest looks like; none = committed or aborted meanwhile.
  Result<std::optional<content_api::Status>> ingest(const std::string& ref,
                                                    const std::stop_token& stop) const;
  Result<> abort(const std::string& ref) const;  // absent is fine

  [[nodiscard]] const Channel& channel() const { return channel_; }
  [[nodiscard]] content_api::Content::Stub& stub() const { return *stub_; }

 private:
  const Channel& channel_;
  std::unique_ptr<content_api::Content::Stub> stub_;
};

}  // namespace nodeproof::containerd
