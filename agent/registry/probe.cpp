#include "agent/registry/http_registry.hpp"
#include "agent/registry/last_byte.hpp"

namespace nodeproof::registry {

namespace {

// A connection that breaks off behind the header looks like a stale cache, but not every time.
constexpr int kStaleAnswers = 2;

}  // namespace

Result<BlobState> HttpRegistry::probe(const Reference& reference, const Descriptor& blob,
                                      std::stop_token stop) {
  const std::string context = reference.name_with_digest(blob.digest);
  if (blob.size == 0) return fail(Errc::internal, context + ": an empty blob has no last byte");
  Attempts attempts(retry_);
  for (int stale = 0;;) {
    LastByte last(blob.size);
    const Question question{.reference = reference,
                            .path = "/v2/" + reference.path() + "/blobs/" + blob.digest.str(),
                            .headers = {{"Range", last.range()}}};
    const Receiver receiver{.head = [&](const HttpResponse& head) { return last.begin(head); },
                            .body = [&](Bytes bytes) { return last.take(bytes); },
                            .refusal = [&](const Answer& answer) { last.refused(answer); }};
    auto state = last.conclude(client_.ask(question, receiver, stop));
    if (state && *state == BlobState::stale_cache && ++stale < kStaleAnswers) continue;
    if (state) return state;
    auto again = attempts.after(std::move(state).error(), stop);
    if (!again) return std::unexpected(std::move(again).error().with_context(context));
  }
}

}  // namespace nodeproof::registry
