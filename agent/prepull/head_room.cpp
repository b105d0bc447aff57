#include "agent/prepull/head_room.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace nodeproof::prepull {
namespace {

constexpr std::uint64_t kUsualRatio = 4;           // plain : compressed; 2.5 to 3.5 is usual
constexpr std::uint64_t kBytesPerFile = 16 << 10;  // 30 KiB is usual
constexpr std::uint64_t kLeastFree = 2'000'000'000;
constexpr Amount kLeastShare{.units = 0, .percent = 20};
constexpr Amount kLeastInodes{.units = 0, .percent = 5};
constexpr double kAbove = 2;  // percent of the volume by which a kubelet's mark is kept clear of
constexpr double kWhole = 100;

struct Candidate {
  std::uint64_t units;
  std::string why;
};

std::uint64_t above(const Amount& mark, std::uint64_t whole) {
  return mark.of(whole) + Amount{.units = 0, .percent = kAbove}.of(whole);
}

void add_mark(std::vector<Candidate>& into, const KubeletFacts& kubelet, std::uint64_t whole,
              const std::string& signal) {
  const auto found = kubelet.eviction_hard.find(signal);
  if (found == kubelet.eviction_hard.end()) return;
  const auto mark = parse_amount(found->second);
  // 0 % and 100 % switch a mark off.
  if (!mark || *mark == Amount{} || mark->percent == kWhole) return;
  into.push_back(
      {above(*mark, whole), "the kubelet evicts pods at " + signal + " < " + found->second});
}

Candidate largest(std::vector<Candidate> all) {
  return *std::ranges::max_element(all, {}, &Candidate::units);
}

struct Demand {
  std::uint64_t bytes = 0, files = 0;
  bool estimated = false;
};

Result<> check(const Place& place, const Demand& demand) {
  const Volume& volume = place.volume;
  const Margin& margin = place.margin;
  const std::string about = demand.estimated ? "about " : "";
  const auto refuse = [&](const std::string& numbers) {
    return fail(Errc::no_space, place.path + " has not enough room: " + about + numbers,
                "free space on that file system, require fewer images on this node, or set "
                "pull.keep_free");
  };
  if (demand.bytes > 0 && demand.bytes + margin.bytes > volume.free_bytes) {
    return refuse(human_bytes(demand.bytes) + " are needed and " + human_bytes(margin.bytes) +
                  " are to stay free (" + margin.why + "), " + human_bytes(volume.free_bytes) +
                  " of " + human_bytes(volume.bytes) + " are free");
  }
  if (demand.files > 0 && volume.inodes > 0 && demand.files + margin.inodes > volume.free_inodes) {
    return refuse(std::to_string(demand.files) + " inodes are needed and " +
                  std::to_string(margin.inodes) + " are to stay free, " +
                  std::to_string(volume.free_inodes) + " are free");
  }
  return {};
}

}  // namespace

UnpackedSize estimate(std::uint64_t compressed) {
  const std::uint64_t bytes = compressed * kUsualRatio;
  return {.bytes = bytes, .files = bytes / kBytesPerFile + 1};
}

Space& Space::operator+=(const Space& other) {
  stored += other.stored;
  unpacked += other.unpacked;
  files += other.files;
  estimated = estimated || other.estimated;
  return *this;
}

void Space::add_unpacked(const BlobJob& layer) {
  const UnpackedSize size = layer.unpacked.value_or(estimate(layer.size));
  *this += {.stored = 0,
            .unpacked = size.bytes,
            .files = size.files,
            .estimated = !layer.unpacked.has_value()};
}

Shares::Shares(const PullPlan& plan)
    : plan_(plan), blobs_(plan.blobs.size()), unpacks_(plan.unpacks.size()) {}

Space Shares::need_of(const ImageJobs& image) const {
  Space need;
  for (const std::size_t blob : image.blobs) {
    if (!blobs_[blob] && plan_.blobs[blob].need == Need::download) {
      need.stored += plan_.blobs[blob].size - plan_.blobs[blob].begun;
    }
  }
  for (const std::size_t unpack : image.unpacks) {
    if (!unpacks_[unpack]) need.add_unpacked(plan_.blobs[plan_.unpacks[unpack].blob]);
  }
  return need;
}

void Shares::take(const ImageJobs& image) {
  for (const std::size_t blob : image.blobs) blobs_[blob] = true;
  for (const std::size_t unpack : image.unpacks) unpacks_[unpack] = true;
}

Margin margin_of(const Volume& volume, const std::optional<Amount>& keep_free,
                 const std::optional<KubeletFacts>& kubelet) {
  std::vector<Candidate> inodes{{kLeastInodes.of(volume.inodes), "5 %"}};
  std::vector<Candidate> bytes{{kLeastShare.of(volume.bytes), "20 % by default"},
                               {kLeastFree, "by default"}};
  if (kubelet) {
    const double high = kWhole - kubelet->image_gc_high_percent;
    if (high > 0) {
      bytes.push_back({above({.units = 0, .percent = high}, volume.bytes),
                       "the kubelet deletes images above " +
                           std::to_string(kubelet->image_gc_high_percent) + " % in use"});
    }
    for (const char* signal : {"imagefs.available", "nodefs.available"}) {
      add_mark(bytes, *kubelet, volume.bytes, signal);
    }
    for (const char* signal : {"imagefs.inodesFree", "nodefs.inodesFree"}) {
      add_mark(inodes, *kubelet, volume.inodes, signal);
    }
  }
  const Candidate chosen =
      keep_free ? Candidate{keep_free->of(volume.bytes), "pull.keep_free"} : largest(bytes);
  return {.bytes = chosen.units, .inodes = largest(inodes).units, .why = chosen.why};
}

Result<> HeadRoom::reserve(const Space& need) {
  Space all = reserved_;
  all += need;
  const bool one = content_.volume.id == snapshots_.volume.id;
  if (all.stored > 0) {
    TRY(check(content_, {one ? all.stored + all.unpacked : all.stored, 0, all.estimated}));
  }
  TRY(check(snapshots_,
            {one ? all.stored + all.unpacked : all.unpacked, all.files, all.estimated}));
  reserved_ = all;
  return {};
}

}  // namespace nodeproof::prepull
