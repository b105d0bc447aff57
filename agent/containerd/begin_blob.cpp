#include <condition_variable>
#include <mutex>

#include "agent/containerd/blob_writer_grpc.hpp"

namespace nodeproof::containerd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPoll{200};
constexpr auto kStandstill =
    std::chrono::seconds(5);  // then the lock may be gone though the ingest is not
constexpr auto kGiveUp = std::chrono::minutes(10);  // without a byte from its holder

// Returns false when asked to stop.
bool pause(milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

// Watches another client's ingest. Only Status is polled: each Write on a locked ref would hold
// containerd 1.6's and 1.7's metadata lock for up to a second.
class LockedIngest {
 public:
  LockedIngest(const ContentClient& content, std::string ref)
      : content_(content), ref_(std::move(ref)) {}

  // Returns when opening the ref again is worth it.
  Result<> wait(const std::stop_token& stop) {
    const auto begin = steady_clock::now();
    while (pause(kPoll, stop)) {
      auto status = TRY(content_.ingest(ref_, stop));
      if (!status) return {};
      const auto now = steady_clock::now();
      if (status->offset() != offset_) {
        offset_ = status->offset();
        moved_ = now;
      }
      if (now - moved_ > kGiveUp) {
        return fail(Errc::busy,
                    "ingest " + ref_ + " is held by another client that makes no progress");
      }
      if (now - moved_ > kStandstill && now - begin > kStandstill) return {};
    }
    return fail(Errc::cancelled, "waiting for ingest " + ref_ + ": stopped");
  }

 private:
  const ContentClient& content_;
  std::string ref_;
  std::int64_t offset_ = -1;
  steady_clock::time_point moved_ = steady_clock::now();
};

}  // namespace

Result<std::unique_ptr<BlobWriter>> begin_blob(const ContentClient& content, const Descriptor& blob,
                                               const std::string& lease,
                                               const std::stop_token& stop) {
  if (blob.digest.algorithm() != HashAlgorithm::sha256) {
    return fail(Errc::unsupported, "blob " + blob.digest.str() +
                                       ": containerd's content store takes sha256 digests only");
  }
  LockedIngest other(content, ref_key(blob));
  while (true) {
    auto writer =
        std::make_unique<GrpcBlobWriter>(content, blob, CallOptions{.stop = stop, .lease = lease});
    switch (TRY(writer->open())) {
      case GrpcBlobWriter::Opened::exists:
        return std::unique_ptr<BlobWriter>();
      case GrpcBlobWriter::Opened::writing:
        return std::unique_ptr<BlobWriter>(std::move(writer));
      case GrpcBlobWriter::Opened::locked:
        break;
    }
    writer.reset();
    TRY(other.wait(stop));
  }
}

}  // namespace nodeproof::containerd
