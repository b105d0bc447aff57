#include "agent/prepull/download.hpp"

#include <algorithm>

#include "agent/prepull/throttle.hpp"

namespace nodeproof::prepull {
namespace {

// A commit of fewer bytes is over before anybody else notices containerd's lock.
constexpr std::uint64_t kLargeCommit = 1 << 20;

}  // namespace

Download::Download(const Source& source, const Passage& passage, std::unique_ptr<BlobWriter> writer,
                   std::unique_ptr<LayerObserver> observer)
    : source_(source),
      passage_(passage),
      writer_(std::move(writer)),
      observer_(std::move(observer)),
      position_(writer_->offset()),
      saw_all_(position_ == 0) {}

Result<bool> Download::run(const std::stop_token& stop) {
  if (position_ >= source_.blob.size) return true;  // only the commit is missing
  const ByteSink sink = [&](Bytes bytes) { return take(bytes, stop); };
  auto came = source_.registry.blob(source_.reference, source_.blob, position_, sink, stop);
  if (!writer_) return false;
  if (came) return true;
  if (came.error().code == Errc::no_space) {
    static_cast<void>(writer_->abort());
  } else {
    static_cast<void>(writer_->close());
  }
  return std::unexpected(std::move(came).error());
}

Result<> Download::take(Bytes bytes, const std::stop_token& stop) {
  if (passage_.throttle != nullptr) {
    TRY(passage_.throttle->take(bytes.size(), stop));
    if (std::chrono::steady_clock::now() - opened_ > passage_.slice) TRY(let_go(stop));
  }
  TRY(write(bytes));
  if (observer_) observe(bytes);
  position_ += bytes.size();
  passage_.came(bytes.size());
  return {};
}

void Download::observe(Bytes bytes) {
  const auto begin = std::chrono::steady_clock::now();
  observer_->write(bytes);
  if (passage_.kept_waiting) passage_.kept_waiting(std::chrono::steady_clock::now() - begin);
}

// Nobody can see who waits for a ref: under a cap it is free now and then for as long as it takes a
// kubelet to ask for it. Who took it goes on behind what is there, at its own speed, and we have
// the blob when that is done.
Result<> Download::let_go(const std::stop_token& stop) {
  TRY(writer_->close());
  writer_.reset();
  TRY(pause(passage_.gap, stop));
  writer_ = TRY(source_.store.begin_blob(source_.blob, source_.lease, stop));
  opened_ = std::chrono::steady_clock::now();
  if (writer_ && writer_->offset() > position_) stop_observing();
  if (writer_ && writer_->offset() >= position_) return {};
  writer_.reset();
  return fail(Errc::busy, "another client has taken blob " + source_.blob.digest.str());
}

// What another client wrote is what containerd hashes; what the registry sends us in its place is
// hashed by nobody.
void Download::stop_observing() {
  observer_.reset();
  saw_all_ = false;
}

// What another client wrote meanwhile is not written again.
Result<> Download::write(Bytes bytes) {
  const std::uint64_t there = writer_->offset() - position_;
  if (there >= bytes.size()) return {};
  return writer_->write(bytes.subspan(static_cast<std::size_t>(there)));
}

Result<> Download::commit(const Labels& labels) {
  std::unique_lock<std::mutex> turn;
  if (passage_.commits != nullptr && source_.blob.size >= kLargeCommit) {
    turn = std::unique_lock(*passage_.commits);
  }
  TRY(writer_->commit(labels));
  if (observer_) observer_->finish();
  return {};
}

}  // namespace nodeproof::prepull
