#include "agent/prepull/pull_set.hpp"

#include <algorithm>

#include "agent/prepull/limits.hpp"

namespace nodeproof::prepull {
namespace {

// What another repository may have in spite of it.
bool is_about_the_repository(Errc code) {
  switch (code) {
    case Errc::not_found:
    case Errc::unauthorized:
    case Errc::throttled:
    case Errc::unreachable:
    case Errc::untrusted:
    case Errc::server_error:
    case Errc::not_a_registry:
    case Errc::timeout:
    case Errc::truncated:
    case Errc::digest_mismatch:
    case Errc::permission_denied:
      return true;
    default:
      return false;
  }
}

bool same_repository(const Reference& one, const Reference& other) {
  return one.domain() == other.domain() && one.path() == other.path();
}

Result<> with_layer(Result<> result, const Digest& layer) {
  if (result) return result;
  return std::unexpected(std::move(result).error().with_context("layer " + layer.str()));
}

}  // namespace

PullSet::PullSet(std::vector<WantedImage> images, const PullPorts& ports, const SetOptions& options,
                 std::stop_token stop)
    : ports_(ports), options_(options), errors_(images.size()), results_(images.size()) {
  std::vector<ImageLayers> layers(images.size());
  std::vector<std::string> titles;
  bool all_capped = options.bandwidth > 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    all_capped = all_capped && images[i].may_wait;
    ImagePull& image =
        *images_.emplace_back(std::make_unique<ImagePull>(std::move(images[i]), ports_, options_));
    image.check_room_by([this] { return check_room_for_more(); });
    titles.push_back(image.wanted().title);
    if (auto found = image.look()) {
      layers[i] = *std::move(found);
    } else {
      errors_[i] = std::move(found).error();
    }
  }
  if (options.bandwidth > 0) throttle_.emplace(options.bandwidth);
  Speeds speeds;
  if (options.bandwidth > 0) speeds.download = static_cast<double>(options.bandwidth);
  const Limits limits = limits_for(options, all_capped, std::thread::hardware_concurrency());
  PullPlan made = plan(layers, speeds);
  leave_out_what_does_not_fit(made, stop);
  for (const BlobJob& blob : made.blobs) sizes_.push_back(blob.unpacked);
  schedule_.emplace(std::move(made), limits);
  lanes_.emplace(limits.fetches, std::chrono::steady_clock::now());
  schedule_->set_lanes(lanes_->count());
  tally_.emplace(schedule_->plan(), std::move(titles), ports_.progress);
  for (std::size_t i = 0; i < errors_.size(); ++i) {
    if (errors_[i]) schedule_->fail(i);
  }
  on_stop_.emplace(std::move(stop), StopAll{this});
  for (unsigned i = 0; i < limits.fetches + limits.unpacks; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

HeadRoom PullSet::head_room(const StoreVolumes& volumes) const {
  const auto place = [this](const StoreVolume& at) {
    return Place{at.path, at.volume, margin_of(at.volume, options_.keep_free, options_.kubelet)};
  };
  return {place(volumes.content), place(volumes.snapshots)};
}

// In the images' own order, before a byte is fetched. Where containerd's directories are not to be
// seen, its own word on a full disk has to do.
void PullSet::leave_out_what_does_not_fit(const PullPlan& plan, const std::stop_token& stop) {
  const auto volumes = ports_.store.volumes(stop);
  if (!volumes || !*volumes) return;
  HeadRoom room = head_room(**volumes);
  Shares shares(plan);
  for (std::size_t i = 0; i < images_.size(); ++i) {
    // What is not to be fetched now takes no room from what is.
    if (errors_[i] || images_[i]->wanted().closed) continue;
    const Space need = shares.need_of(plan.images[i]);
    if (auto fits = room.reserve(need); !fits) {
      errors_[i] = std::move(fits).error();
    } else {
      shares.take(plan.images[i]);
    }
  }
}

PullSet::~PullSet() {
  on_stop_.reset();
  stop_all();
  threads_.clear();
}

Result<PulledImage> PullSet::wait(std::size_t image) {
  std::unique_lock lock(mutex_);
  const auto known = [&] { return results_[image].has_value(); };
  while (!changed_.wait_for(lock, std::chrono::seconds(1), known)) {
    look_at_lanes();
    lock.unlock();
    tally_->remind(image);
    lock.lock();
  }
  return *results_[image];
}

void PullSet::look_at_lanes() {
  const auto now = std::chrono::steady_clock::now();
  if (!lanes_->look(arrived_, schedule_->large_under_way(), now)) return;
  schedule_->set_lanes(lanes_->count());
  changed_.notify_all();
}

void PullSet::kept_waiting(std::chrono::steady_clock::duration time) {
  constexpr std::chrono::microseconds kNothing{100};
  if (time < kNothing) return;
  const std::lock_guard lock(mutex_);
  waited_ += time;
  const auto now = std::chrono::steady_clock::now();
  if (!lanes_->waited(waited_, std::thread::hardware_concurrency(), now)) return;
  schedule_->set_lanes(lanes_->count());
  const auto any_order = [](const auto& image) { return image->takes_any_order(); };
  if (std::ranges::all_of(images_, any_order)) schedule_->largest_first();
  changed_.notify_all();
}

void PullSet::work() {
  while (Turn* const turn = next_turn()) settle(turn, run(*turn));
}

// None: every image has its result.
PullSet::Turn* PullSet::next_turn() {
  std::unique_lock lock(mutex_);
  std::optional<Task> task;
  changed_.wait(lock, [&] { return schedule_->over() || (task = schedule_->next()); });
  if (!task) return nullptr;
  return &turns_.emplace_back(Turn{*task, schedule_->users(*task), {}});
}

PullSet::Outcome PullSet::run(const Turn& turn) {
  switch (turn.task.kind) {
    case Task::Kind::fetch:
      return fetch(turn);
    case Task::Kind::unpack:
      return unpack(turn);
    case Task::Kind::finish:
      return finish(turn);
    case Task::Kind::give_up:
      break;
  }
  return give_up(turn);
}

const Digest& PullSet::digest_of(const LayerOf& user) const {
  return images_[user.image]->image().document.layers[user.layer].digest;
}

Passage PullSet::passage_of(const Turn& turn) {
  Passage passage;
  const bool capped = std::ranges::all_of(
      turn.users, [this](const LayerOf& user) { return images_[user.image]->wanted().may_wait; });
  if (throttle_ && capped) passage.throttle = &*throttle_;
  const bool closed = std::ranges::all_of(turn.users, [this](const LayerOf& user) {
    return images_[user.image]->wanted().closed.has_value();
  });
  if (closed) passage.closed = &*images_[turn.users.front().image]->wanted().closed;
  passage.slice = options_.slice;
  passage.gap = options_.gap;
  if (options_.one_commit_at_a_time) passage.commits = &commits_;
  const std::size_t blob = turn.task.number;
  const std::size_t owner = turn.users.front().image;
  passage.came = [this, blob, owner](std::uint64_t bytes) {
    arrived_ += bytes;
    tally_->came(blob, owner, bytes);
  };
  passage.kept_waiting = [this](std::chrono::steady_clock::duration time) { kept_waiting(time); };
  passage.found = [this, blob](std::uint64_t bytes) { tally_->found(blob, bytes); };
  return passage;
}

PullSet::Outcome PullSet::fetch(const Turn& turn) {
  const LayerOf owner = turn.users.front();
  const std::stop_token stop = turn.stop.get_token();
  const Passage passage = passage_of(turn);
  const bool stored = schedule_->plan().blobs[turn.task.number].need != Need::nothing;
  BlobPuller& blobs = images_[owner.image]->blobs();
  Result<> fetched = stored ? blobs.store_layer(owner.layer, passage, stop)
                            : blobs.inspect_layer(owner.layer, passage, stop);
  Outcome outcome{with_layer(std::move(fetched), digest_of(owner)), {}};
  if (!outcome.task || !stored) return outcome;
  learn_size(turn.task.number, owner);
  for (const LayerOf& user : turn.users) {
    if (user.image == owner.image) continue;
    auto held =
        with_layer(images_[user.image]->blobs().hold_layer(user.layer, stop), digest_of(user));
    if (!held) outcome.others.emplace_back(user.image, std::move(held).error());
  }
  return outcome;
}

// Its inventory was taken while it streamed.
void PullSet::learn_size(std::size_t blob, const LayerOf& owner) {
  if (!ports_.sizes) return;
  const auto size = ports_.sizes(images_[owner.image]->image().document.layers[owner.layer]);
  const std::lock_guard lock(mutex_);
  if (size) sizes_[blob] = size;
}

// Of the image's layers that are not unpacked, as far as it is known. Those that are staged have
// taken their room already.
Space PullSet::need_of(std::size_t image) {
  Space need;
  const std::lock_guard lock(mutex_);
  for (const std::size_t unpack : schedule_->unpacks_left(image)) {
    const UnpackJob& job = schedule_->plan().unpacks[unpack];
    const auto& size = sizes_[job.blob];
    const bool staged = std::ranges::any_of(job.users, [this, image](const LayerOf& user) {
      return user.image == image && images_[image]->is_staged(user.layer);
    });
    if (size && !staged) need += {.stored = 0, .unpacked = size->bytes, .files = size->files};
  }
  return need;
}

// What was estimated may be known by now, and others use the disk, too: an image that cannot fit is
// given up before its layers have filled it.
Result<> PullSet::check_room(std::size_t image, const std::stop_token& stop) {
  const Space need = need_of(image);
  if (need == Space{}) return {};
  const auto volumes = ports_.store.volumes(stop);
  return volumes && *volumes ? head_room(**volumes).reserve(need) : Result<>{};
}

// While a layer is written, whose size nobody may know.
Result<> PullSet::check_room_for_more() const {
  const auto volumes = ports_.store.volumes({});
  if (!volumes || !*volumes) return {};
  return head_room(**volumes).reserve({.stored = 0, .unpacked = kRoomPiece, .files = 0});
}

PullSet::Outcome PullSet::unpack(const Turn& turn) {
  const LayerOf owner = turn.users.front();
  const std::stop_token stop = turn.stop.get_token();
  auto room = check_room(owner.image, stop);
  Outcome outcome{room ? images_[owner.image]->unpack(owner.layer, stop) : std::move(room), {}};
  if (!outcome.task) return outcome;
  for (const LayerOf& user : turn.users) {
    const bool own = user.image == owner.image;
    auto held = own ? Result<>{} : images_[user.image]->hold_unpacked(user.layer);
    if (held) {
      tally_->unpacked(user.image);
    } else {
      outcome.others.emplace_back(user.image, std::move(held).error());
    }
  }
  return outcome;
}

PullSet::Outcome PullSet::finish(const Turn& turn) {
  const std::size_t number = turn.task.number;
  auto pulled = images_[number]->finish(turn.stop.get_token());
  if (!pulled) return {std::unexpected(std::move(pulled).error()), {}};
  pulled->stats.downloaded_bytes = tally_->downloaded(number);
  const std::lock_guard lock(mutex_);
  results_[number] = std::move(pulled);
  return {};
}

PullSet::Outcome PullSet::give_up(const Turn& turn) {
  const std::size_t number = turn.task.number;
  std::optional<Error> error;
  {
    const std::lock_guard lock(mutex_);
    error = errors_[number];
  }
  Error told = images_[number]->give_up(*std::move(error));
  const std::lock_guard lock(mutex_);
  results_[number] = std::unexpected(std::move(told));
  return {};
}

void PullSet::settle(Turn* turn, Outcome outcome) {
  const std::lock_guard lock(mutex_);
  if (turn->task.kind == Task::Kind::fetch) tally_->rests(turn->task.number);
  if (outcome.task) {
    schedule_->succeeded(turn->task);
  } else {
    settle_failure(*turn, std::move(outcome.task).error());
  }
  for (auto& [image, error] : outcome.others) fail_image(image, std::move(error));
  std::erase_if(turns_, [turn](const Turn& one) { return &one == turn; });
  stop_useless();
  changed_.notify_all();
}

void PullSet::settle_failure(const Turn& turn, Error error) {
  const Task& task = turn.task;
  if (task.kind == Task::Kind::finish) {
    schedule_->again(task);  // what comes now is to give up
    return fail_image(task.number, std::move(error));
  }
  if (may_try_another(turn, error)) {
    fail_image(turn.users.front().image, std::move(error));
    return schedule_->again(task);
  }
  schedule_->failed(task);
  for (const LayerOf& user : schedule_->users(task)) fail_image(user.image, error);
}

// Credentials, a redirect or a damaged copy belong to the one repository that was asked; how much
// room is missing, to the one image.
bool PullSet::may_try_another(const Turn& turn, const Error& error) const {
  const std::size_t asked = turn.users.front().image;
  const auto living = schedule_->users(turn.task);
  if (turn.task.kind == Task::Kind::unpack && error.code == Errc::no_space) {
    return std::ranges::any_of(living, [&](const LayerOf& user) { return user.image != asked; });
  }
  if (turn.task.kind != Task::Kind::fetch || !is_about_the_repository(error.code)) return false;
  return std::ranges::any_of(living, [&](const LayerOf& user) {
    return user.image != asked && !same_repository(images_[user.image]->image().reference,
                                                   images_[asked]->image().reference);
  });
}

void PullSet::fail_image(std::size_t image, Error error) {
  if (schedule_->has_failed(image)) return;
  schedule_->fail(image);
  errors_[image] = std::move(error);
}

void PullSet::stop_useless() {
  for (Turn& turn : turns_) {
    const bool shared = turn.task.kind == Task::Kind::fetch || turn.task.kind == Task::Kind::unpack;
    if (shared && schedule_->users(turn.task).empty()) turn.stop.request_stop();
  }
}

void PullSet::stop_all() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < images_.size(); ++i) {
    if (!results_[i]) fail_image(i, {Errc::cancelled, "stopped", {}});
  }
  for (Turn& turn : turns_) turn.stop.request_stop();
  changed_.notify_all();
}

}  // namespace nodeproof::prepull
