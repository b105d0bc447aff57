#include <algorithm>

#include "agent/containerd/images_grpc.hpp"

namespace nodeproof::containerd {
namespace {

void fill(images_api::Image& image, const ImageRecord& record) {
  image.set_name(record.name);
  for (const auto& [key, value] : record.labels) (*image.mutable_labels())[key] = value;
  image.mutable_target()->set_media_type(record.target.media_type);
  image.mutable_target()->set_digest(record.target.digest.str());
  image.mutable_target()->set_size(static_cast<std::int64_t>(record.target.size));
}

Result<ImageRecord> record_of(const images_api::Image& image) {
  return ImageRecord{image.name(),
                     Descriptor{.media_type = image.target().media_type(),
                                .digest = TRY(Digest::parse(image.target().digest())),
                                .size = static_cast<std::uint64_t>(image.target().size()),
                                .platform = {},
                                .annotations = {}},
                     Labels(image.labels().begin(), image.labels().end())};
}

bool is_as_wanted(const ImageRecord& found, const ImageRecord& wanted) {
  return found.target.digest == wanted.target.digest &&
         found.target.media_type == wanted.target.media_type &&
         std::ranges::all_of(wanted.labels, [&](const auto& label) {
           const auto it = found.labels.find(label.first);
           return it != found.labels.end() && it->second == label.second;
         });
}

void mask_labels(images_api::UpdateImageRequest& request, const Labels& labels) {
  for (const auto& label : labels)
    request.mutable_update_mask()->add_paths("labels." + label.first);
}

}  // namespace

ImageClient::ImageClient(const Channel& channel)
    : channel_(channel), stub_(images_api::Images::NewStub(channel.transport())) {}

Result<std::optional<ImageRecord>> ImageClient::get(const std::string& name) const {
  images_api::GetImageRequest request;
  request.set_name(name);
  images_api::GetImageResponse response;
  const auto status = channel_.call(
      channel_.brief(), [&](auto* context) { return stub_->Get(context, request, &response); });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return std::nullopt;
  if (!status.ok()) return channel_.failure(status, "looking for image record " + name);
  return TRY(record_of(response.image()));
}

Result<std::vector<ImageRecord>> ImageClient::list(const std::string& label) const {
  images_api::ListImagesRequest request;
  if (!label.empty()) request.add_filters("labels.\"" + label + "\"");
  images_api::ListImagesResponse response;
  const auto status = channel_.call(
      channel_.brief(), [&](auto* context) { return stub_->List(context, request, &response); });
  if (!status.ok()) return channel_.failure(status, "listing image records");
  std::vector<ImageRecord> records;
  for (const auto& image : response.images()) records.push_back(TRY(record_of(image)));
  return records;
}

Result<> ImageClient::put(const ImageRecord& record) const {
  const auto found = TRY(get(record.name));
  if (found) return is_as_wanted(*found, record) ? Result<>{} : update(record);
  images_api::CreateImageRequest request;
  fill(*request.mutable_image(), record);
  images_api::CreateImageResponse response;
  const auto status = channel_.call(
      channel_.brief(), [&](auto* context) { return stub_->Create(context, request, &response); });
  if (is(status, grpc::StatusCode::ALREADY_EXISTS)) return update(record);
  return channel_.result(status, "creating image record " + record.name);
}

Result<> ImageClient::update(const ImageRecord& record) const {
  images_api::UpdateImageRequest request;
  fill(*request.mutable_image(), record);
  request.mutable_update_mask()->add_paths("target");
  mask_labels(request, record.labels);
  return channel_.result(send(request), "updating image record " + record.name);
}

Result<> ImageClient::label(const ImageRecord& record, const Labels& labels) const {
  images_api::UpdateImageRequest request;
  // The target is not in the mask and stays what it is; without one containerd 1.7 and 2 crash.
  fill(*request.mutable_image(), {record.name, record.target, labels});
  mask_labels(request, labels);
  const auto status = send(request);
  if (is(status, grpc::StatusCode::NOT_FOUND)) return {};
  return channel_.result(status, "labelling image record " + record.name);
}

grpc::Status ImageClient::send(const images_api::UpdateImageRequest& request) const {
  images_api::UpdateImageResponse response;
  return channel_.call(channel_.brief(),
                       [&](auto* context) { return stub_->Update(context, request, &response); });
}

Result<> ImageClient::remove(const std::string& name) const {
  images_api::DeleteImageRequest request;
  request.set_name(name);
  google::protobuf::Empty response;
  const auto status = channel_.call(
      channel_.brief(), [&](auto* context) { return stub_->Delete(context, request, &response); });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return {};
  return channel_.result(status, "removing image record " + name);
}

}  // namespace nodeproof::containerd
