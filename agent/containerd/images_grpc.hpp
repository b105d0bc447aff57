// containerd's image records: a name and the descriptor it stands for.
#pragma once

#include <optional>
#include <vector>

#include "agent/containerd/channel_grpc.hpp"
#include "agent/containerd/image_store.hpp"
#include "github.com/containerd/containerd/api/services/images/v1/images.grpc.pb.h"

namespace nodeproof::containerd {

namespace images_api = ::containerd::services::images::v1;

class ImageClient {
 public:
  explicit ImageClient(const Channel& channel);

  Result<std::optional<ImageRecord>> get(const std::string& name) const;
  Result<std::vector<ImageRecord>> list(const std::string& label) const;  // "" = all
  // Labels of others stay; a record that is as wanted is not written.
  Result<> put(const ImageRecord& record) const;
  Result<> label(const ImageRecord& record, const Labels& labels) const;  // absent is fine
  Result<> remove(const std::string& name) const;                         // absent is fine

 private:
  Result<> update(const ImageRecord& record) const;
  grpc::Status send(const images_api::UpdateImageRequest& request) const;

  const Channel& channel_;
  std::unique_ptr<images_api::Images::Stub> stub_;
};

}  // namespace nodeproof::containerd
