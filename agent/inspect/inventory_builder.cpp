#include "agent/inspect/inventory_builder.hpp"

#include <algorithm>
#include <utility>

#include "common/byte_source.hpp"
#include "common/content_hash.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::size_t kScriptBytes = 256;  // linux/binfmts.h BINPRM_BUF_SIZE

bool is_kept(std::string_view path) {
  if (path == "etc/passwd" || path == "etc/group" || path == "etc/ld.so.conf") return true;
  const bool conf = path.starts_with("etc/ld.so.conf.d/") && path.ends_with(".conf");
  const bool musl = path.starts_with("etc/ld-musl-") && path.ends_with(".path");
  return conf || musl;
}

void take_header(const ByteSource& source, FileFacts& facts) {
  if (auto header = elf::read_header(source)) facts.elf.emplace().header = *header;
}

// Facts of the ELF file, or what its header alone tells and why there is no more.
FileFacts elf_facts(const ByteSource& source) {
  FileFacts facts;
  auto file = elf::read(source);
  if (!file) {
    facts.problem = file.error().message;
    take_header(source, facts);
    return facts;
  }
  facts.elf = *std::move(file);
  // An object file or kernel module is not run; a core dump was.
  const std::uint16_t type = facts.elf->header.type;
  if (type != elf::kTypeExecutable && type != elf::kTypeShared) return facts;
  auto code = elf::scan_code(source, *facts.elf);
  if (code) {
    facts.code = *std::move(code);
  } else {
    facts.problem = "its code is not known: " + code.error().message;
  }
  return facts;
}

// Of an archive: the programs and libraries in it.
FileFacts archive_facts(std::string_view path, const ByteSource& source) {
  FileFacts facts;
  auto packed = read_packed(path, source);
  if (packed) {
    facts.packed = std::move(packed->found);
    facts.problem = std::move(packed->problem);
  } else {
    facts.problem = packed.error().message;
  }
  return facts;
}

std::size_t size_of(const std::vector<std::string>& names) {
  std::size_t bytes = 0;
  for (const std::string& name : names) bytes += sizeof(std::string) + name.size();
  return bytes;
}

std::size_t size_of(const elf::Facts& facts) {
  std::size_t bytes = facts.rpath.size() + facts.runpath.size() + facts.soname.size();
  bytes += size_of(facts.needed) + size_of(facts.versions_defined);
  bytes += facts.loads.size() * sizeof(elf::Segment);
  for (const auto& [library, versions] : facts.versions_needed) {
    bytes += sizeof(elf::VersionsNeeded) + library.size() + size_of(versions);
  }
  return bytes;
}

std::size_t size_of(const FileFacts& facts) {
  std::size_t bytes = sizeof(FileFacts) + facts.script.size() + facts.content.size();
  if (facts.elf) bytes += size_of(*facts.elf);
  for (const PackedProgram& packed : facts.packed) {
    bytes += sizeof(PackedProgram) + packed.path.size();
  }
  if (facts.code) {
    bytes += facts.code->extensions.size() * sizeof(elf::ExtensionUse);
    bytes += facts.code->marks.size() * sizeof(elf::Mark);
  }
  return bytes;
}

class Builder final : public LayerVisitor {
 public:
  Builder(LayerInventory& inventory, const std::filesystem::path& spool_directory,
          const AnalyserLimits& limits)
      : inventory_(inventory), spool_directory_(spool_directory), limits_(limits) {}

  Result<> begin(const LayerEntry& entry) override {
    inventory_.entries.push_back({.entry = entry, .hash = {}, .facts = nullptr});
    TRY(account(sizeof(InventoryEntry) + entry.path.size() + entry.link_target.size()));
    if (entry.type != EntryType::file) return {};
    hasher_.reset();
    held_.clear();
    spooled_ = false;
    seen_ = 0;
    kept_ = is_kept(entry.path);
    elf_ = false;
    archive_ = is_archive_name(entry.path);
    return {};
  }

  Result<> content(Bytes bytes) override {
    hasher_.update(bytes);
    // The first piece may be shorter than the magic; the start is always held until the kind is
    // clear.
    if (seen_ < kScriptBytes) {
      held_.append(as_text(bytes.first(std::min(bytes.size(), kScriptBytes - seen_))));
      elf_ = elf::has_magic(as_bytes(held_));
      const std::size_t taken = std::min(bytes.size(), kScriptBytes - seen_);
      seen_ += taken;
      bytes = bytes.subspan(taken);
    }
    seen_ += bytes.size();
    if (elf_ || archive_) return take_whole(bytes);
    if (kept_ && seen_ <= limits_.kept_content) held_.append(as_text(bytes));
    return {};
  }

  Result<> end() override {
    InventoryEntry& made = inventory_.entries.back();
    if (made.entry.type != EntryType::file) return {};
    made.hash = hasher_.finish();
    FileFacts facts = elf_ ? finish_elf() : archive_ ? finish_archive() : finish_text();
    if (facts == FileFacts{}) return {};
    made.facts = std::make_shared<const FileFacts>(std::move(facts));
    return account(size_of(*made.facts));
  }

 private:
  Result<> account(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ <= limits_.inventory) return {};
    return fail(Errc::too_large, "layer: its list of files takes more than " +
                                     std::to_string(limits_.inventory >> 20) + " MiB of memory");
  }

  // What is too large for memory goes to the spool; beyond the spool's limit only the start
  // matters.
  Result<> take_whole(Bytes bytes) {
    const std::uint64_t size = inventory_.entries.back().entry.size;
    if (size <= limits_.held && seen_ <= limits_.held) {
      held_.reserve(static_cast<std::size_t>(size));
      held_.append(as_text(bytes));
      return {};
    }
    if (size > limits_.spooled || seen_ > limits_.spooled) {
      spooled_ = false;
      return {};
    }
    if (seen_ < kScriptBytes) return {};  // its start is held until then
    if (!std::exchange(spooled_, true)) {
      if (!spool_) spool_.emplace(TRY(SpoolFile::create(spool_directory_)));
      TRY(spool_->clear());
      TRY(spool_->append(as_bytes(held_)));
    }
    return spool_->append(bytes);
  }

  FileFacts finish_elf() {
    if (spooled_) return elf_facts(*spool_);
    const MemorySource held(as_bytes(held_));
    if (held.size() == seen_) return elf_facts(held);
    FileFacts facts;
    facts.problem = "an ELF file of " + std::to_string(seen_) +
                    " bytes is beyond the limit; only its header was read";
    take_header(held, facts);
    return facts;
  }

  FileFacts finish_archive() {
    const std::string& path = inventory_.entries.back().entry.path;
    const MemorySource held(as_bytes(held_));
    FileFacts facts;
    if (spooled_) {
      facts = archive_facts(path, *spool_);
    } else if (held.size() == seen_) {
      facts = archive_facts(path, held);
    } else {
      facts.problem = "an archive of " + std::to_string(seen_) + " bytes is beyond the limit";
    }
    if (held_.starts_with("#!")) facts.script = held_.substr(0, kScriptBytes);
    return facts;
  }

  FileFacts finish_text() {
    FileFacts facts;
    if (held_.starts_with("#!")) facts.script = held_.substr(0, kScriptBytes);
    if (!kept_) return facts;
    if (seen_ > limits_.kept_content) {
      facts.problem = "its " + std::to_string(seen_) + " bytes are beyond the limit";
    } else {
      facts.content = held_;
    }
    return facts;
  }

  LayerInventory& inventory_;
  const std::filesystem::path& spool_directory_;
  const AnalyserLimits& limits_;
  ContentHasher hasher_;
  std::string held_;                // the start, or all of a small file of interest
  std::optional<SpoolFile> spool_;  // once there was something for it
  bool spooled_ = false;            // this file is there
  std::uint64_t seen_ = 0;          // bytes of this file
  std::uint64_t bytes_ = 0;         // of the inventory in memory
  bool kept_ = false;
  bool elf_ = false;
  bool archive_ = false;  // by its name
};

}  // namespace

LayerInventory take_inventory(const Digest& layer, ByteReader& compressed,
                              const AnalyserOptions& options) {
  LayerInventory inventory{.layer = layer,
                           .diff_id = std::nullopt,
                           .entries = {},
                           .refused = 0,
                           .first_refused = {},
                           .problem = std::nullopt};
  Builder builder(inventory, options.spool_directory, options.limits);
  const LayerSinks sinks{.entries = &builder, .plain = options.plain};
  auto summary = read_layer(compressed, sinks, options.limits.layer);
  if (!summary) {
    inventory.problem = std::move(summary).error();
    return inventory;
  }
  inventory.diff_id = summary->diff_id;
  inventory.refused = summary->refused;
  inventory.first_refused = std::move(summary->first_refused);
  return inventory;
}

}  // namespace nodeproof::inspect
