#include "agent/registry/http_registry.hpp"
#include "agent/registry/last_byte.hpp"

namespace nodeproof::registry {

namespace {

// A connection that breaks off behind the header looks like a stale cache, but not every time.
constexpr int kStaleAnswers = 2;

}  // namespace

Result<BlobState> HttpRegistry::probe_at(const Host& host, const Descriptor& blob,
                                         const std::stop_token& stop) {
  Attempts attempts(retry_);
  for (int stale = 0;;) {
    LastByte last(blob.size);
    const Question question{
        .host = host, .path = "/blobs/" + blob.digest.str(), .headers = {{"Range", last.range()}}};
    const Receiver receiver{.head = [&](const HttpResponse& head) { return last.begin(head); },
                            .body = [&](Bytes bytes) { return last.take(bytes); },
                            .refusal = [&](const Answer& answer) { last.refused(answer); }};
    auto state = last.conclude(client_.ask(question, receiver, stop));
    if (state && *state == BlobState::stale_cache && ++stale < kStaleAnswers) continue;
    if (state) return state;
    TRY(attempts.after(std::move(state).error(), stop));
  }
}

// Whatever the routing: it is asked what the registry holds, not what a mirror would give.
Result<BlobState> HttpRegistry::probe(const Reference& reference, const Descriptor& blob,
                                      std::stop_token stop) {
  const auto ask = [&]() -> Result<BlobState> {
    if (blob.size == 0) return fail(Errc::internal, "an empty blob has no last byte");
    const Host host = TRY(access_.routes().registry(reference));
    return probe_at(host, blob, stop);
  };
  auto state = ask();
  if (state) return state;
  return std::unexpected(
      std::move(state).error().with_context(reference.name_with_digest(blob.digest)));
}

}  // namespace nodeproof::registry
