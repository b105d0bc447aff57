#include "agent/registry/orders.hpp"

#include <algorithm>
#include <thread>

#include "agent/registry/contact.hpp"
#include "common/crypto.hpp"
#include "common/pipe.hpp"
#include "common/words.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::size_t kMaxAnswerBytes = 64 * 1024;
constexpr std::size_t kPipeBytes = 1 << 20;
// A registry on an object store hashes and moves a large blob before it answers.
constexpr std::chrono::minutes kAnswerAfterUpload{10};

// The blob on its way from its source, which pushes in a thread of its own, to the transfer, which
// pulls. Bytes that do not hash to their digest never arrive whole.
class StreamedBlob final : public ByteReader {
 public:
  StreamedBlob(const UploadBody& body, const std::stop_token& stop)
      : blob_(body.blob),
        pipe_(kPipeBytes, stop),
        hasher_(body.blob.digest.algorithm()),
        end_(stop, [this] { source_stop_.request_stop(); }),
        source_([this, &content = body.content] { produce(content); }) {}
  ~StreamedBlob() override {
    pipe_.abandon();
    source_stop_.request_stop();
  }
  StreamedBlob(const StreamedBlob&) = delete;
  StreamedBlob& operator=(const StreamedBlob&) = delete;

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = TRY(pipe_.read(buffer));
    hasher_.update(buffer.first(count));
    given_ += count;
    if (given_ < blob_.size || count == 0) return count;
    const Digest actual = hasher_.finish();
    if (given_ == blob_.size && actual == blob_.digest) return count;
    return fail(
        Errc::digest_mismatch,
        "the source's bytes of " + blob_.digest.short_str() + " hash to " + actual.short_str(),
        "push the source image again: its registry's copy is damaged");
  }

 private:
  void produce(const BlobContent& content) {
    const auto sink = [this](Bytes bytes) -> Result<> {
      if (pipe_.write(bytes)) return {};
      return fail(Errc::cancelled, "nobody takes the blob any more");
    };
    auto given = content(sink, source_stop_.get_token());
    if (given) return pipe_.close();
    pipe_.fail(std::move(given).error().with_context("reading the source"));
  }

  const Descriptor& blob_;
  BytePipe pipe_;
  Hasher hasher_;
  std::uint64_t given_ = 0;
  std::stop_source source_stop_;
  std::stop_callback<std::function<void()>> end_;
  std::jthread source_;  // last: it uses the others
};

}  // namespace

Result<Answer> Orders::exchange(const Order& order, const std::string& authorization,
                                const std::stop_token& stop) {
  HttpRequest request;
  request.method = order.method;
  request.url = order.url.str();
  request.headers = order.headers;
  request.body = order.body;
  request.tls = access_.routes().tls_for(order.url, order.host);
  request.proxy = order.host.proxy;
  request.connect_timeout = order.host.connect_timeout;
  if (order.url.same_origin(order.host.api)) {
    // A login replaces a configured Authorization.
    std::ranges::copy_if(order.host.headers, std::back_inserter(request.headers),
                         [&](const auto& one) {
                           return authorization.empty() || fold_case(one.first) != "authorization";
                         });
  }
  request.led_by = order.led_by;
  if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
  std::optional<StreamedBlob> blob;
  if (order.upload) {
    blob.emplace(*order.upload, stop);
    request.upload = HttpUpload{&*blob, order.upload->blob.size};
    request.http1_only = true;
    request.first_byte_timeout = kAnswerAfterUpload;
  }
  Answer answer{.head = {}, .url = order.url, .body = {}};
  const auto collect = [&](Bytes bytes) -> Result<> {
    const std::size_t room = kMaxAnswerBytes - answer.body.size();
    answer.body += as_text(bytes.first(std::min(bytes.size(), room)));
    return {};
  };
  answer.head = TRY(access_.http().send(
      request, [](const HttpResponse&) -> Result<> { return {}; }, collect, stop));
  return answer;
}

Result<OrderAnswer> Orders::send(const Order& order, const std::stop_token& stop) {
  const bool at_registry = order.url.same_origin(order.host.api);
  Authorization authorization;
  if (at_registry) {
    authorization = TRY(access_.logins().authorization(order.host, stop, order.scopes));
  }
  for (bool fresh = false;;) {
    const Answer answer = TRY(exchange(order, authorization.header, stop));
    const auto done = [&] { return OrderAnswer{answer, authorization.source}; };
    if (answer.head.status != 401 || !at_registry || fresh) return done();
    auto next = TRY(
        access_.logins().answer_challenge({order.host, answer, authorization, order.scopes}, stop));
    if (!next || next->header == authorization.header) return done();
    authorization = *std::move(next);
    fresh = !authorization.header.empty();
  }
}

}  // namespace nodeproof::registry
