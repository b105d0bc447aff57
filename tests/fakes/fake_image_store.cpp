#include "tests/fakes/fake_image_store.hpp"

#include <algorithm>

#include "common/crypto.hpp"

namespace nodeproof {
namespace {

constexpr std::size_t kReadChunk = 16384;

Error missing(const std::string& what) { return {Errc::not_found, what + " is not there", {}}; }

}  // namespace

class FakeBlobWriter final : public BlobWriter {
 public:
  FakeBlobWriter(FakeImageStore& store, const Descriptor& blob, std::string lease,
                 std::stop_token stop)
      : store_(store), blob_(blob), lease_(std::move(lease)), stop_(std::move(stop)) {}
  ~FakeBlobWriter() override {
    const std::lock_guard lock(store_.mutex_);
    if (!closed_) store_.set_free(blob_.digest);
  }
  FakeBlobWriter(const FakeBlobWriter&) = delete;
  FakeBlobWriter& operator=(const FakeBlobWriter&) = delete;

  [[nodiscard]] std::uint64_t offset() const override {
    const std::lock_guard lock(store_.mutex_);
    const auto found = store_.ingests_.find(blob_.digest.str());
    return found == store_.ingests_.end() ? 0 : found->second.size();
  }

  Result<> write(Bytes bytes) override {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "asked to stop");
    const std::lock_guard lock(store_.mutex_);
    TRY(store_.happens("write " + blob_.digest.str()));
    store_.largest_write_ = std::max(store_.largest_write_, bytes.size());
    store_.ingests_[blob_.digest.str()] += as_text(bytes);
    return {};
  }

  Result<> commit(const Labels& labels) override {
    const std::lock_guard lock(store_.mutex_);
    const std::string& digest = blob_.digest.str();
    TRY(store_.happens("commit " + digest));
    std::string bytes = store_.ingests_[digest];
    if (bytes.size() != blob_.size) return fail(Errc::truncated, digest + " is not whole");
    store_.ingests_.erase(digest);
    if (hash_of(as_bytes(bytes)) != blob_.digest) {
      return fail(Errc::digest_mismatch, "unexpected commit digest, expected " + digest);
    }
    store_.blobs_[digest] = {std::move(bytes), labels};
    if (!lease_.empty()) store_.leases_[lease_].content.insert(digest);
    return {};
  }

  Result<> close() override {
    const std::lock_guard lock(store_.mutex_);
    TRY(store_.happens("close " + blob_.digest.str()));
    if (!closed_) store_.set_free(blob_.digest);
    closed_ = true;
    const auto taken = store_.taken_.find(blob_.digest.str());
    if (taken == store_.taken_.end() || --taken->second.closes > 0) return {};
    const std::string& bytes = taken->second.bytes;
    store_.ingests_.erase(taken->first);
    if (hash_of(as_bytes(bytes)) == blob_.digest) {
      store_.blobs_[taken->first] = {bytes, {}};
    } else {
      store_.ingests_[taken->first] = bytes;
    }
    store_.taken_.erase(taken);
    return {};
  }

  Result<> abort() override {
    const std::lock_guard lock(store_.mutex_);
    TRY(store_.happens("abort " + blob_.digest.str()));
    store_.ingests_.erase(blob_.digest.str());
    return {};
  }

 private:
  FakeImageStore& store_;
  Descriptor blob_;
  std::string lease_;
  std::stop_token stop_;
  bool closed_ = false;
};

// ---- what is there
// -------------------------------------------------------------------------------------------------
Digest FakeImageStore::add_blob(std::string bytes) {
  Digest digest = hash_of(as_bytes(bytes));
  const std::lock_guard lock(mutex_);
  blobs_[digest.str()] = {std::move(bytes), {}};
  return digest;
}

void FakeImageStore::remove_blob(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  blobs_.erase(digest.str());
}

void FakeImageStore::replace_bytes(const Digest& digest, std::string bytes) {
  const std::lock_guard lock(mutex_);
  blobs_.at(digest.str()).bytes = std::move(bytes);
}

void FakeImageStore::add_snapshot(const Digest& chain_id) {
  const std::lock_guard lock(mutex_);
  chains_[chain_id.str()];
}

void FakeImageStore::add_ingest(const Digest& digest, std::string bytes) {
  const std::lock_guard lock(mutex_);
  ingests_[digest.str()] = std::move(bytes);
}

void FakeImageStore::mark_chain(std::string chain, std::set<std::string>& chains) const {
  while (!chain.empty() && chains_.contains(chain) && chains.insert(chain).second) {
    chain = chains_.at(chain);
  }
}

void FakeImageStore::mark(const std::string& digest, std::set<std::string>& content,
                          std::set<std::string>& chains) const {
  const auto found = blobs_.find(digest);
  if (found == blobs_.end() || !content.insert(digest).second) return;
  for (const auto& [key, value] : found->second.labels) {
    if (key.starts_with("containerd.io/gc.ref.content")) mark(value, content, chains);
    if (key.starts_with("containerd.io/gc.ref.snapshot.")) mark_chain(value, chains);
  }
}

void FakeImageStore::collect_garbage() {
  const std::lock_guard lock(mutex_);
  std::set<std::string> content, chains;
  for (const auto& [name, record] : images_) mark(record.target.digest.str(), content, chains);
  for (const auto& [id, held] : leases_) {
    for (const std::string& digest : held.content) mark(digest, content, chains);
    for (const std::string& chain : held.snapshots) mark_chain(chain, chains);
  }
  removed_.clear();
  std::erase_if(blobs_, [&](const auto& blob) { return !content.contains(blob.first); });
  std::erase_if(chains_, [&](const auto& chain) { return !chains.contains(chain.first); });
}

bool FakeImageStore::has_blob(const Digest& digest) const {
  const std::lock_guard lock(mutex_);
  return blobs_.contains(digest.str());
}

bool FakeImageStore::has_chain(const Digest& chain_id) const {
  const std::lock_guard lock(mutex_);
  return chains_.contains(chain_id.str());
}

Labels FakeImageStore::blob_labels(const Digest& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = blobs_.find(digest.str());
  return found == blobs_.end() ? Labels{} : found->second.labels;
}

std::string FakeImageStore::ingest(const Digest& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = ingests_.find(digest.str());
  return found == ingests_.end() ? "" : found->second;
}

std::map<std::string, ImageRecord> FakeImageStore::images() const {
  const std::lock_guard lock(mutex_);
  return images_;
}

std::vector<std::string> FakeImageStore::lease_ids() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  ids.reserve(leases_.size());
  for (const auto& [id, held] : leases_) ids.push_back(id);
  return ids;
}

std::chrono::seconds FakeImageStore::shortest_lease() const {
  const std::lock_guard lock(mutex_);
  return shortest_lease_;
}

// ---- faults and log
// ------------------------------------------------------------------------------------------------
void FakeImageStore::fail_with(const std::string& operation, Error error, unsigned times) {
  const std::lock_guard lock(mutex_);
  faults_[operation] = {std::move(error), times};
}

void FakeImageStore::die_after(std::optional<unsigned> operations) {
  const std::lock_guard lock(mutex_);
  lives_ = operations;
}

void FakeImageStore::taken_when_closed(const Digest& digest, std::string bytes, unsigned times) {
  const std::lock_guard lock(mutex_);
  taken_[digest.str()] = {std::move(bytes), times};
}

void FakeImageStore::set_free(const Digest& digest) {
  open_.erase(digest.str());
  freed_.notify_all();
}

Result<> FakeImageStore::happens(const std::string& operation) {
  if (lives_) {
    if (*lives_ == 0) return fail(Errc::runtime_unavailable, "killed before: " + operation);
    --*lives_;
  }
  const bool frequent = operation.starts_with("write ") || operation.starts_with("look ");
  if (!frequent) log_.push_back(operation);
  const auto fault = faults_.find(operation);
  if (fault == faults_.end() || fault->second.times == 0) return {};
  if (fault->second.times != kAlways) --fault->second.times;
  return std::unexpected(fault->second.error);
}

std::vector<std::string> FakeImageStore::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

unsigned FakeImageStore::count(const std::string& prefix) const {
  const std::lock_guard lock(mutex_);
  return static_cast<unsigned>(std::ranges::count_if(
      log_, [&](const std::string& line) { return line.starts_with(prefix); }));
}

void FakeImageStore::forget_log() {
  const std::lock_guard lock(mutex_);
  log_.clear();
}

std::size_t FakeImageStore::largest_write() const {
  const std::lock_guard lock(mutex_);
  return largest_write_;
}

// ---- the port
// ------------------------------------------------------------------------------------------------------
Result<> FakeImageStore::create_lease(const Lease& lease, std::chrono::seconds lifetime) {
  const std::lock_guard lock(mutex_);
  shortest_lease_ = std::min(shortest_lease_, lifetime);
  TRY(happens("lease " + lease.id));
  leases_.try_emplace(lease.id, Held{lease, {}, {}});
  return {};
}

Result<> FakeImageStore::delete_lease(const std::string& id, Release release) {
  {
    const std::lock_guard lock(mutex_);
    TRY(happens("unlease " + id));
    leases_.erase(id);
  }
  if (release == Release::at_once) collect_garbage();
  return {};
}

Result<std::vector<Lease>> FakeImageStore::leases(const std::string& label) {
  const std::lock_guard lock(mutex_);
  std::vector<Lease> found;
  for (const auto& [id, held] : leases_) {
    if (held.lease.labels.contains(label)) found.push_back(held.lease);
  }
  return found;
}

Result<std::optional<BlobInfo>> FakeImageStore::blob(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  const auto found = blobs_.find(digest.str());
  if (found == blobs_.end()) return std::nullopt;
  return BlobInfo{digest, found->second.bytes.size(), found->second.labels};
}

Result<std::uint64_t> FakeImageStore::begun(const Descriptor& blob, std::stop_token /*stop*/) {
  const std::lock_guard lock(mutex_);
  const auto found = ingests_.find(blob.digest.str());
  return found == ingests_.end() ? 0 : found->second.size();
}

Result<std::unique_ptr<BlobWriter>> FakeImageStore::begin_blob(const Descriptor& blob,
                                                               const std::string& lease,
                                                               std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const std::string& digest = blob.digest.str();
  const auto free = [&] { return blobs_.contains(digest) || !open_.contains(digest); };
  if (!freed_.wait(lock, stop, free) || stop.stop_requested())
    return fail(Errc::cancelled, "asked to stop");
  TRY(happens("begin " + digest));
  if (!lease.empty() && !leases_.contains(lease)) return std::unexpected(missing("lease " + lease));
  if (auto old = removed_.extract(digest)) blobs_.insert(std::move(old));
  if (blobs_.contains(digest)) {
    if (!lease.empty()) leases_[lease].content.insert(digest);
    return nullptr;
  }
  open_.insert(digest);
  return std::make_unique<FakeBlobWriter>(*this, blob, lease, std::move(stop));
}

Result<> FakeImageStore::read_blob(const Digest& digest, const ByteSink& sink,
                                   std::stop_token stop) {
  std::string bytes;
  {
    const std::lock_guard lock(mutex_);
    TRY(happens("read " + digest.str()));
    const auto found = blobs_.find(digest.str());
    if (found == blobs_.end()) return std::unexpected(missing("blob " + digest.str()));
    bytes = found->second.bytes;
  }
  for (std::size_t at = 0; at < bytes.size(); at += kReadChunk) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "asked to stop");
    TRY(sink(as_bytes(std::string_view(bytes).substr(at, kReadChunk))));
  }
  return {};
}

Result<> FakeImageStore::label_blob(const Digest& digest, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  TRY(happens("label " + digest.str()));
  const auto found = blobs_.find(digest.str());
  if (found == blobs_.end()) return std::unexpected(missing("blob " + digest.str()));
  for (const auto& [key, value] : labels) {
    if (value.empty()) {
      found->second.labels.erase(key);
    } else {
      found->second.labels.insert_or_assign(key, value);
    }
  }
  return {};
}

Result<bool> FakeImageStore::has_snapshot(const Digest& chain_id, const std::string& lease) {
  const std::lock_guard lock(mutex_);
  if (!chains_.contains(chain_id.str())) return false;
  if (lease.empty()) return true;
  if (!leases_.contains(lease)) return std::unexpected(missing("lease " + lease));
  leases_[lease].snapshots.insert(chain_id.str());
  return true;
}

Result<> FakeImageStore::unpack(const UnpackRequest& request, std::stop_token stop) {
  if (stop.stop_requested()) return fail(Errc::cancelled, "asked to stop");
  const std::lock_guard lock(mutex_);
  TRY(happens("unpack " + request.chain_id.str()));
  if (!leases_.contains(request.lease)) return std::unexpected(missing("lease " + request.lease));
  if (!blobs_.contains(request.layer.digest.str())) {
    return std::unexpected(missing("blob " + request.layer.digest.str()));
  }
  if (request.parent && !chains_.contains(request.parent->str())) {
    return std::unexpected(missing("parent snapshot " + request.parent->str()));
  }
  chains_.try_emplace(request.chain_id.str(), request.parent ? request.parent->str() : "");
  leases_[request.lease].snapshots.insert(request.chain_id.str());
  return {};
}

Result<> FakeImageStore::sync(const std::vector<Digest>&) {
  const std::lock_guard lock(mutex_);
  return happens("sync");
}

void FakeImageStore::set_volumes(StoreVolumes volumes) {
  const std::lock_guard lock(mutex_);
  volumes_ = std::move(volumes);
}

Result<std::optional<StoreVolumes>> FakeImageStore::volumes(std::stop_token) {
  const std::lock_guard lock(mutex_);
  return volumes_;
}

Result<std::optional<ImageRecord>> FakeImageStore::image(const std::string& name) {
  const std::lock_guard lock(mutex_);
  TRY(happens("look " + name));
  const auto found = images_.find(name);
  if (found == images_.end()) return std::nullopt;
  return found->second;
}

Result<> FakeImageStore::put_image(const ImageRecord& record) {
  const std::lock_guard lock(mutex_);
  TRY(happens("put " + record.name));
  images_.insert_or_assign(record.name, record);
  return {};
}

Result<std::vector<ImageRecord>> FakeImageStore::images(const std::string& label) {
  const std::lock_guard lock(mutex_);
  TRY(happens("look for images"));
  std::vector<ImageRecord> found;
  for (const auto& [name, record] : images_) {
    if (record.labels.contains(label)) found.push_back(record);
  }
  return found;
}

Result<> FakeImageStore::label_image(const ImageRecord& record, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  TRY(happens("label " + record.name));
  const auto found = images_.find(record.name);
  if (found == images_.end()) return {};
  for (const auto& [key, value] : labels) {
    if (value.empty()) {
      found->second.labels.erase(key);
    } else {
      found->second.labels.insert_or_assign(key, value);
    }
  }
  return {};
}

Result<> FakeImageStore::remove_image(const std::string& name) {
  const std::lock_guard lock(mutex_);
  TRY(happens("remove " + name));
  images_.erase(name);
  return {};
}

}  // namespace nodeproof
