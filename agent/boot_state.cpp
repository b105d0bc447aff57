#include "agent/boot_state.hpp"

#include "agent/json_read.hpp"
#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

constexpr std::uint64_t kVersion = 1;

struct Mark {
  std::string boot_id;
  bool in_order = false;  // the boot before this one ended so
  bool stopped = false;   // the daemon, in this boot
};

Result<Mark> read_mark(const std::filesystem::path& file) {
  const std::string text = TRY(read_file(file));
  const json::Value root = TRY(json::parse(text));
  std::uint64_t version = 0;
  TRY(json::read(root, "version", version));
  if (version != kVersion) return fail(Errc::unsupported, "another version");
  const json::Value* boot = TRY(root.at("bootId"));
  const json::Value* in_order = TRY(root.at("beganInOrder"));
  const json::Value* stopped = TRY(root.at("stopped"));
  return Mark{TRY(boot->string()), TRY(in_order->boolean()), TRY(stopped->boolean())};
}

Result<> write_mark(const std::filesystem::path& file, const Mark& mark) {
  json::Writer writer;
  writer.begin_object().member("version", kVersion).member("bootId", mark.boot_id);
  writer.member("beganInOrder", mark.in_order).member("stopped", mark.stopped).end_object();
  return write_file_atomically(file, writer.str() + "\n");
}

}  // namespace

Result<> BootState::started(const std::string& boot_id) const {
  const auto last = read_mark(file_);
  Mark mark{boot_id, false, false};
  if (last) mark.in_order = last->boot_id == boot_id ? last->in_order : last->stopped;
  return write_mark(file_, mark);
}

Result<> BootState::stopped(const std::string& boot_id) const {
  const auto last = read_mark(file_);
  return write_mark(file_, {boot_id, last && last->boot_id == boot_id && last->in_order, true});
}

bool BootState::began_in_order(const std::string& boot_id) const {
  const auto mark = read_mark(file_);
  return mark && !boot_id.empty() && mark->boot_id == boot_id && mark->in_order;
}

}  // namespace nodeproof
