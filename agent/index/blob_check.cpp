#include "agent/index/blob_check.hpp"

#include <memory>

#include "common/crypto.hpp"

namespace nodeproof::index {

namespace {

// A blob up to here costs no more to read than to ask about.
constexpr std::uint64_t kSmallBytes = 64 << 10;

std::unique_ptr<LayerObserver> observer_of(const Questions& questions, const BlobTask& task) {
  const ValidateOptions& options = questions.options();
  if (!task.read || !options.observe || task.diff_id == nullptr) return nullptr;
  return options.observe({task.blob, *task.diff_id});
}

Result<> read_and_hash(Questions& questions, const BlobTask& task, std::string* text) {
  const auto observer = observer_of(questions, task);
  Hasher hasher(task.blob.digest.algorithm());
  const ByteSink sink = [&](Bytes bytes) -> Result<> {
    hasher.update(bytes);
    if (observer) observer->write(bytes);
    if (text != nullptr) text->append(as_text(bytes));
    return {};
  };
  TRY(questions.blob(task.blob, sink));
  const Digest actual = hasher.finish();
  if (actual != task.blob.digest) {
    return fail(Errc::digest_mismatch, "its bytes hash to " + actual.str());
  }
  if (observer) observer->finish();
  return {};
}

// Too few bytes came: why, says the last one.
Flaw why_short(Questions& questions, const BlobTask& task, const Error& error) {
  const std::string digest = task.blob.digest.str();
  const bool wrong = error.code == Errc::digest_mismatch;
  const auto state = questions.probe(task.blob);
  if (!state) return questions.flaw(wrong ? error : state.error(), task.what, digest);
  const bool there = *state == BlobState::whole || *state == BlobState::announced;
  Flaw flaw = there && wrong ? questions.flaw(error, task.what, digest)
                             : questions.flaw(*state, task.what, digest);
  flaw.evidence = error.message;
  return flaw;
}

// Not in the registry, and it need not be: its descriptor's urls say where (image-spec, layer.md,
// "Non-Distributable Layers").
bool is_kept_elsewhere(const Descriptor& layer) {
  return layer.media_type.find("nondistributable") != std::string::npos ||
         layer.media_type.find("rootfs.foreign") != std::string::npos;
}

}  // namespace

std::optional<Flaw> read_blob(Questions& questions, const BlobTask& task, std::string* text) {
  const auto read = read_and_hash(questions, task, text);
  if (read) return std::nullopt;
  const Error& error = read.error();
  if (error.code == Errc::truncated || error.code == Errc::digest_mismatch) {
    return why_short(questions, task, error);
  }
  return questions.flaw(error, task.what, task.blob.digest.str());
}

std::optional<Flaw> check_blob(Questions& questions, const BlobTask& task) {
  const std::string digest = task.blob.digest.str();
  Result<BlobState> state = BlobState::announced;
  const bool read = task.read || task.blob.size <= kSmallBytes;
  if (!read) state = questions.probe(task.blob);
  std::optional<Flaw> flaw;
  if (!state) {
    flaw = questions.flaw(state.error(), task.what, digest);
  } else if (*state == BlobState::announced) {
    flaw = read_blob(questions, task, nullptr);
  } else if (*state != BlobState::whole) {
    flaw = questions.flaw(*state, task.what, digest);
  }
  if (flaw && flaw->verdict == PlatformVerdict::missing && is_kept_elsewhere(task.blob)) {
    flaw = questions.flaw(
        Error{Errc::unsupported, "it is not distributable, and not in this registry", ""},
        task.what, digest);
  }
  return flaw;
}

}  // namespace nodeproof::index
