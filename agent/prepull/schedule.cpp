#include "agent/prepull/schedule.hpp"

#include <algorithm>

namespace nodeproof::prepull {
namespace {

// A smaller one is mostly waiting for answers.
constexpr std::uint64_t kLargeBlob = 8 << 20;

}  // namespace

Schedule::Schedule(PullPlan plan, Limits limits)
    : plan_(std::move(plan)),
      limits_(limits),
      blobs_(plan_.blobs.size(), State::waiting),
      unpacks_(plan_.unpacks.size(), State::waiting),
      images_(plan_.images.size()) {}

// Ends first, for somebody waits for them; then what keeps the next layers waiting.
std::optional<Task> Schedule::next() {
  std::optional<Task> task = next_end();
  if (!task) task = next_unpack();
  if (!task) task = next_fetch();
  if (!task) return std::nullopt;
  state_of(*task) = State::running;
  count(*task, 1);
  return task;
}

std::optional<Task> Schedule::next_end() {
  for (std::size_t i = 0; i < images_.size(); ++i) {
    if (images_[i].end != State::waiting) continue;
    if (images_[i].failed && idle(i)) return Task{Task::Kind::give_up, i};
    if (!images_[i].failed && complete(i)) return Task{Task::Kind::finish, i};
  }
  return std::nullopt;
}

std::optional<Task> Schedule::next_unpack() {
  if (unpacking_ >= limits_.unpacks) return std::nullopt;
  for (std::size_t i = 0; i < unpacks_.size(); ++i) {
    const UnpackJob& job = plan_.unpacks[i];
    const bool possible = unpacks_[i] == State::waiting && blobs_[job.blob] == State::done &&
                          (!job.parent || unpacks_[*job.parent] == State::done);
    if (possible && !living(job.users).empty()) return Task{Task::Kind::unpack, i};
  }
  return std::nullopt;
}

std::optional<Task> Schedule::next_fetch() {
  if (fetching_ >= limits_.fetches) return std::nullopt;
  bool full = false;  // nothing overtakes: what is below is unpacked first
  for (std::size_t i = 0; i < blobs_.size(); ++i) {
    if (!is_wanted(i)) continue;
    full = full || (large_ >= lanes_ && is_large(i));
    if (full && plan_.blobs[i].need != Need::hold) continue;
    return Task{Task::Kind::fetch, largest_first_ && is_large(i) ? largest_beside(i) : i};
  }
  return std::nullopt;
}

bool Schedule::is_wanted(std::size_t blob) const {
  return blobs_[blob] == State::waiting && !living(plan_.blobs[blob].users).empty();
}

// Of the blobs of the same image, beginning with that one.
std::size_t Schedule::largest_beside(std::size_t blob) const {
  const std::size_t image = living(plan_.blobs[blob].users).front().image;
  std::size_t largest = blob;
  for (const std::size_t other : plan_.images[image].blobs) {
    const bool larger = plan_.blobs[other].size > plan_.blobs[largest].size;
    if (larger && is_large(other) && is_wanted(other)) largest = other;
  }
  return largest;
}

void Schedule::succeeded(const Task& task) { end(task, State::done); }
void Schedule::failed(const Task& task) { end(task, State::failed); }
void Schedule::again(const Task& task) { end(task, State::waiting); }

void Schedule::end(const Task& task, State state) {
  state_of(task) = state;
  count(task, -1);
}

void Schedule::count(const Task& task, int change) {
  const auto by = static_cast<unsigned>(change);
  if (task.kind == Task::Kind::fetch) fetching_ += by;
  if (task.kind == Task::Kind::fetch && is_large(task.number)) large_ += by;
  if (task.kind == Task::Kind::unpack) unpacking_ += by;
}

bool Schedule::is_large(std::size_t blob) const {
  return plan_.blobs[blob].size >= kLargeBlob && plan_.blobs[blob].need != Need::hold;
}

void Schedule::fail(std::size_t image) { images_[image].failed = true; }

std::vector<LayerOf> Schedule::users(const Task& task) const {
  if (task.kind == Task::Kind::fetch) return living(plan_.blobs[task.number].users);
  if (task.kind == Task::Kind::unpack) return living(plan_.unpacks[task.number].users);
  return {};
}

std::vector<std::size_t> Schedule::unpacks_left(std::size_t image) const {
  std::vector<std::size_t> left;
  for (const std::size_t unpack : plan_.images[image].unpacks) {
    if (unpacks_[unpack] != State::done) left.push_back(unpack);
  }
  return left;
}

bool Schedule::has_failed(std::size_t image) const { return images_[image].failed; }

bool Schedule::over() const {
  return std::ranges::all_of(images_, [](const Image& image) {
    return image.end == State::done || image.end == State::failed;
  });
}

bool Schedule::complete(std::size_t image) const {
  const ImageJobs& jobs = plan_.images[image];
  const auto done = [](const std::vector<State>& states) {
    return [&states](std::size_t job) { return states[job] == State::done; };
  };
  return std::ranges::all_of(jobs.blobs, done(blobs_)) &&
         std::ranges::all_of(jobs.unpacks, done(unpacks_));
}

bool Schedule::idle(std::size_t image) const {
  const ImageJobs& jobs = plan_.images[image];
  const auto runs = [](const std::vector<State>& states) {
    return [&states](std::size_t job) { return states[job] == State::running; };
  };
  return std::ranges::none_of(jobs.blobs, runs(blobs_)) &&
         std::ranges::none_of(jobs.unpacks, runs(unpacks_));
}

std::vector<LayerOf> Schedule::living(const std::vector<LayerOf>& users) const {
  std::vector<LayerOf> found;
  std::ranges::copy_if(users, std::back_inserter(found),
                       [&](const LayerOf& user) { return !images_[user.image].failed; });
  return found;
}

Schedule::State& Schedule::state_of(const Task& task) {
  switch (task.kind) {
    case Task::Kind::fetch:
      return blobs_[task.number];
    case Task::Kind::unpack:
      return unpacks_[task.number];
    case Task::Kind::finish:
    case Task::Kind::give_up:
      break;
  }
  return images_[task.number].end;
}

}  // namespace nodeproof::prepull
