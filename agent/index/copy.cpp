#include "agent/index/copy.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "agent/index/workers.hpp"

namespace nodeproof::index {
namespace {

constexpr int kMaxDepth = 3;
constexpr unsigned kAtOnce = 4;  // blobs; each is streamed through a buffer of the HTTP client

bool stays_elsewhere(const Descriptor& layer) {
  return layer.media_type.find(".nondistributable.") != std::string::npos ||
         layer.media_type.find(".foreign.") != std::string::npos;
}

class Copier {
 public:
  Copier(const Ports& ports, const CopyJob& job, const std::stop_token& stop)
      : ports_(ports), job_(job), stop_(stop) {}

  // NOLINTNEXTLINE(misc-no-recursion): as deep as kMaxDepth
  Result<> manifest(const Descriptor& descriptor, int depth) {
    if (depth > kMaxDepth) {
      return fail(Errc::unsupported, "indexes are nested deeper than " + std::to_string(kMaxDepth));
    }
    const FetchedManifest found = TRY(ports_.registry.child(job_.from, descriptor, stop_));
    const ImageDocument document =
        TRY(parse_image_document(found.bytes, found.descriptor.media_type));
    if (const auto* index = std::get_if<Index>(&document)) {
      for (const Descriptor& child : index->manifests) TRY(manifest(child, depth + 1));
    } else {
      TRY(blobs(std::get<Manifest>(document)));
    }
    return ports_.writer.put_manifest(at_digest(job_.to, descriptor.digest), found, {}, stop_);
  }

 private:
  Result<> blobs(const Manifest& image) {
    std::vector<const Descriptor*> wanted = {&image.config};
    for (const Descriptor& layer : image.layers) {
      const bool known = std::ranges::any_of(
          wanted, [&](const Descriptor* each) { return each->digest == layer.digest; });
      if (!known && !stays_elsewhere(layer)) wanted.push_back(&layer);
    }
    std::vector<std::optional<Error>> errors(wanted.size());
    std::atomic<bool> failed = false;
    in_parallel(kAtOnce, wanted.size(), [&](std::size_t i) {
      if (failed) return;
      auto copied = blob(*wanted[i]);
      if (copied) return;
      errors[i] = std::move(copied).error();
      failed = true;
    });
    const auto error = std::ranges::find_if(errors, [](const auto& e) { return e.has_value(); });
    if (error != errors.end()) return std::unexpected(**error);
    return {};
  }

  // Called from several threads at once.
  Result<> blob(const Descriptor& descriptor) {
    const BlobSource source{job_.from, [&](const ByteSink& sink, std::stop_token stop) -> Result<> {
                              return ports_.registry.blob(job_.from, descriptor, 0, sink,
                                                          std::move(stop));
                            }};
    const BlobPush pushed = TRY(ports_.writer.push_blob(job_.to, descriptor, source, stop_));
    const std::scoped_lock lock(mutex_);
    switch (pushed) {
      case BlobPush::present:
        ++job_.count.present;
        break;
      case BlobPush::mounted:
        ++job_.count.mounted;
        break;
      case BlobPush::uploaded:
        ++job_.count.uploaded;
        job_.count.uploaded_bytes += descriptor.size;
        break;
    }
    return {};
  }

  const Ports& ports_;
  const CopyJob& job_;
  const std::stop_token& stop_;
  std::mutex mutex_;  // of the count
};

}  // namespace

Result<> copy_manifest(const Ports& ports, const CopyJob& job, const Descriptor& manifest,
                       const std::stop_token& stop) {
  return Copier(ports, job, stop).manifest(manifest, 0);
}

}  // namespace nodeproof::index
