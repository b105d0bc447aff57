#include "agent/scrub_state.hpp"

#include <algorithm>

#include "agent/json_read.hpp"
#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxBytes = 4 << 20;

std::filesystem::path file_in(const std::filesystem::path& state_dir) {
  return state_dir / "scrub.json";
}

Result<std::int64_t> number_at(const json::Value& object, std::string_view key) {
  const json::Value* value = TRY(object.at(key));
  return value->integer();
}

Result<std::string> text_at(const json::Value& object, std::string_view key) {
  const json::Value* value = TRY(object.at(key));
  return value->string();
}

Result<std::vector<std::string>> texts_at(const json::Value& object, std::string_view key) {
  const json::Value* value = TRY(object.at(key));
  return value->strings();
}

Result<ScrubState> read_state(const std::filesystem::path& state_dir) {
  const std::string text = TRY(read_file(file_in(state_dir), kMaxBytes));
  const json::Value root = TRY(json::parse(text));
  if (TRY(number_at(root, "version")) != kVersion) return fail(Errc::unsupported, "its version");
  ScrubState state{
      TRY(number_at(root, "round")), TRY(number_at(root, "due")), TRY(texts_at(root, "done")), {}};
  const json::Value* damaged = TRY(root.at("damaged"));
  for (const json::Value& one : damaged->items()) {
    state.damaged.push_back({TRY(text_at(one, "digest")), TRY(text_at(one, "evidence")),
                             TRY(texts_at(one, "manifests"))});
  }
  return state;
}

}  // namespace

ScrubState load_scrub(const std::filesystem::path& state_dir) {
  return read_state(state_dir).value_or(ScrubState{});
}

Result<> save_scrub(const std::filesystem::path& state_dir, const ScrubState& state) {
  json::Writer writer;
  writer.begin_object().member("version", kVersion).member("round", state.round);
  writer.member("due", state.due).member("done", state.done).key("damaged").begin_array();
  for (const ScrubDamage& one : state.damaged) {
    writer.begin_object().member("digest", one.digest).member("evidence", one.evidence);
    writer.member("manifests", one.manifests).end_object();
  }
  writer.end_array().end_object();
  const std::string text = writer.str() + "\n";
  if (read_file(file_in(state_dir), kMaxBytes).value_or("") == text) return {};
  return write_file_atomically(file_in(state_dir), text);
}

Result<> forget_damage(const std::filesystem::path& state_dir,
                       const std::vector<std::string>& digests) {
  ScrubState state = load_scrub(state_dir);
  const auto forgotten = std::erase_if(state.damaged, [&](const ScrubDamage& one) {
    return std::ranges::find(digests, one.digest) != digests.end();
  });
  return forgotten == 0 ? Result<>{} : save_scrub(state_dir, state);
}

}  // namespace nodeproof
