#include "common/http_curl.hpp"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <set>
#include <utility>

#include "common/http_failure.hpp"
#include "common/http_head.hpp"
#include "common/http_pace.hpp"
#include "common/http_url.hpp"
#include "common/ip_text.hpp"
#include "common/tls_files.hpp"

namespace nodeproof {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kIdleSessions = 8;
constexpr std::size_t kRememberedOrigins = 64;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

// One transfer at a time. The multi handle owns the kept connections and can be woken from another
// thread.
class Session {
 public:
  Session() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
    if (multi_ == nullptr || easy_ == nullptr) throw std::bad_alloc();
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 4L);
  }
  ~Session() {
    curl_easy_cleanup(easy_);
    curl_multi_cleanup(multi_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] CURLM* multi() const { return multi_; }
  [[nodiscard]] CURL* easy() const { return easy_; }

  [[nodiscard]] bool knows(const std::string& origin) const {
    return std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
  }
  void remember(const std::string& origin) {
    if (knows(origin)) return;
    if (origins_.size() == 4) origins_.erase(origins_.begin());
    origins_.push_back(origin);
  }

 private:
  CURLM* multi_;
  CURL* easy_;
  std::vector<std::string> origins_;  // it probably has a connection to each of them
};

// The way of one request through a session.
class Transfer {
 public:
  Transfer(const HttpRequest& request, HttpUrl url, const HttpHeadSink& head, const ByteSink& body)
      : request_(request),
        url_(std::move(url)),
        head_sink_(head),
        body_sink_(body),
        pace_(request) {}

  Result<HttpResponse> run(Session& session, const std::stop_token& stop);
  // It may have ended because of HTTP/2: GOAWAY, flow control, a proxy that only believes to speak
  // it.
  void force_http1() { force_http1_ = true; }
  [[nodiscard]] bool http2_failed() const { return http2_failed_; }

 private:
  Result<> prepare(CURL* easy);
  Result<> add_headers();
  void set_basics(CURL* easy);
  void set_method(CURL* easy);
  Result<> set_tls(CURL* easy);
  Result<CURLcode> drive(const Session& session, const std::stop_token& stop);
  [[nodiscard]] bool through_proxy() const;
  [[nodiscard]] Error failure(CURL* easy, CURLcode code) const;

  Result<> take_header_line(std::string_view line);
  [[nodiscard]] bool may_connect_to(const std::string& address);
  std::size_t refuse(Error error) {
    refusal_ = std::move(error);
    return CURL_WRITEFUNC_ERROR;
  }
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_send(char* buffer, std::size_t size, std::size_t count, void* self);
  static curl_socket_t on_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int on_connected(void* self, char* address, char*, int, int);

  const HttpRequest& request_;
  HttpUrl url_;
  std::string ca_file_;
  const HttpHeadSink& head_sink_;
  const ByteSink& body_sink_;
  HeaderList headers_;
  std::uint64_t sent_ = 0;  // of the upload
  HttpPace pace_;
  HttpHeadReader reader_;
  CURL* easy_ = nullptr;
  std::string address_;  // of the server
  bool force_http1_ = false;
  bool http2_failed_ = false;
  std::optional<Error> refusal_;
  std::array<char, CURL_ERROR_SIZE> detail_{};
};

// A value of the wrong kind or a feature not built in is a bug of this file or of the recipe.
template <class T>
void set(CURL* easy, CURLoption option, T value) {
  if (curl_easy_setopt(easy, option, value) != CURLE_OK) std::abort();
}

Result<> Transfer::add_headers() {
  for (const auto& [name, value] : request_.headers) {
    // An empty value is spelled "Name;" for libcurl.
    const std::string line = value.empty() ? name + ";" : name + ": " + value;
    if (line.find_first_of("\r\n") != std::string::npos) {
      return fail(Errc::internal, "a request header holds a line break");
    }
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    if (headers_ == nullptr) headers_.reset(longer);  // else the list's head stays what it was
  }
  return {};
}

void Transfer::set_basics(CURL* easy) {
  set(easy, CURLOPT_URL, url_.str().c_str());
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_PATH_AS_IS, 1L);  // a presigned URL is signed as written
  set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_HTTP_VERSION,
      request_.http1_only || force_http1_ ? long{CURL_HTTP_VERSION_1_1}
                                          : long{CURL_HTTP_VERSION_2TLS});
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_BUFFERSIZE, 128L * 1024);
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count()));
  set(easy, CURLOPT_USERAGENT, "nodeproof");
  if (!request_.proxy.empty()) {
    set(easy, CURLOPT_PROXY, request_.proxy.c_str());
    set(easy, CURLOPT_NOPROXY, "");  // it was named for this very request
  } else if (kind_of_host(url_.host) == HostKind::loopback) {
    set(easy, CURLOPT_PROXY, "");
  }
}

void Transfer::set_method(CURL* easy) {
  if (request_.method == "HEAD") {
    set(easy, CURLOPT_NOBODY, 1L);
  } else if (request_.upload) {
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.upload->size));
    set(easy, CURLOPT_READFUNCTION, &Transfer::on_send);
    set(easy, CURLOPT_READDATA, static_cast<void*>(this));
    set(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  } else if (request_.method != "GET") {
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(easy, CURLOPT_POSTFIELDS, request_.body.c_str());
    set(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

Result<> Transfer::set_tls(CURL* easy) {
  const TlsSettings& tls = request_.tls;
  ca_file_ = tls.ca_file;
  // Without a store of the system's, what is named besides it has to do.
  if (ca_file_.empty()) {
    auto store = system_ca_file();
    if (!store && tls.verify && tls.more_ca_files.empty()) return std::unexpected(store.error());
    ca_file_ = store.value_or("");
  }
  for (const auto& file : {ca_file_, tls.client_certificate, tls.client_key}) {
    TRY(check_readable(file));
  }
  set(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  if (tls.more_ca_files.empty()) {
    set(easy, CURLOPT_CAINFO, ca_file_.empty() ? nullptr : ca_file_.c_str());
  } else {
    std::string pem = TRY(joined_ca_files(ca_file_, tls.more_ca_files));
    curl_blob blob{.data = pem.data(), .len = pem.size(), .flags = CURL_BLOB_COPY};
    set(easy, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!tls.verify) {
    set(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (tls.client_certificate.empty()) return {};
  set(easy, CURLOPT_SSLCERT, tls.client_certificate.c_str());
  set(easy, CURLOPT_SSLKEY, tls.client_key.c_str());
  return {};
}

Result<> Transfer::prepare(CURL* easy) {
  easy_ = easy;
  set_basics(easy);
  set_method(easy);
  if (url_.tls) TRY(set_tls(easy));
  TRY(add_headers());
  set(easy, CURLOPT_HTTPHEADER, headers_.get());
  set(easy, CURLOPT_ERRORBUFFER, detail_.data());
  set(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(easy, CURLOPT_PREREQFUNCTION, &Transfer::on_connected);
  set(easy, CURLOPT_PREREQDATA, static_cast<void*>(this));
  if (request_.led_by.empty()) return {};
  set(easy, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_socket);
  set(easy, CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  return {};
}

bool Transfer::through_proxy() const {
  long used = 0;
  curl_easy_getinfo(easy_, CURLINFO_USED_PROXY, &used);
  return used != 0;
}

// A name may resolve to anything (DNS rebinding): what counts is the address.
bool Transfer::may_connect_to(const std::string& address) {
  if (request_.led_by.empty() || may_lead_to(request_.led_by, address)) return true;
  refusal_ = Error{Errc::untrusted,
                   url_.host_port() + " leads to " + address +
                       ", an address that only this host itself should use",
                   "have the registry's configuration checked"};
  return false;
}

curl_socket_t Transfer::on_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string text = ip_text(address->addr);
  if (!transfer.through_proxy() && !transfer.may_connect_to(text)) return CURL_SOCKET_BAD;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// NOLINTNEXTLINE(readability-function-size): libcurl's signature
int Transfer::on_connected(void* self, char* address, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.pace_.connected(Clock::now());
  if (transfer.request_.upload) transfer.pace_.sent(false, Clock::now());
  if (transfer.through_proxy()) return CURL_PREREQFUNC_OK;
  transfer.address_ = address;
  // A kept connection opened no socket for this request.
  const bool allowed = transfer.may_connect_to(transfer.address_);
  if (allowed) transfer.refusal_.reset();  // that of another address of the name
  return allowed ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

// Waits for the source, whose own deadlines and whose stop end the wait.
std::size_t Transfer::on_send(char* buffer, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const HttpUpload& upload = *transfer.request_.upload;
  const std::uint64_t room = std::min<std::uint64_t>(size * count, upload.size - transfer.sent_);
  if (room == 0) return 0;
  auto got = upload.bytes->read(std::as_writable_bytes(std::span(buffer, room)));
  if (got && *got == 0) {
    got = fail(Errc::truncated, "the source ended after " + std::to_string(transfer.sent_) +
                                    " of " + std::to_string(upload.size) + " bytes");
  }
  if (!got) {
    transfer.refusal_ = got.error();
    return CURL_READFUNC_ABORT;
  }
  transfer.sent_ += *got;
  transfer.pace_.sent(transfer.sent_ == upload.size, Clock::now());
  return *got;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto taken = transfer.take_header_line({data, size * count});
  if (!taken) return transfer.refuse(taken.error());
  return size * count;
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto came = Clock::now();
  const auto taken = transfer.body_sink_(as_bytes(std::string_view(data, size * count)));
  transfer.pace_.received(size * count, came, Clock::now());
  if (!taken) return transfer.refuse(taken.error());
  return size * count;
}

Result<> Transfer::take_header_line(std::string_view line) {
  auto last = reader_.take(line);
  if (!last) return std::unexpected(std::move(last).error().with_context(url_.host_port()));
  if (!*last) return {};
  pace_.answered(Clock::now());
  reader_.head().address = address_;
  return head_sink_(reader_.head());
}

Result<CURLcode> Transfer::drive(const Session& session, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [&] { curl_multi_wakeup(session.multi()); });
  for (int running = 1;;) {
    if (stop.stop_requested()) return fail(Errc::cancelled, url_.host_port() + ": stopped");
    if (curl_multi_perform(session.multi(), &running) != CURLM_OK) {
      return fail(Errc::internal, "curl_multi_perform failed");
    }
    if (running == 0) break;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(pace_.deadline() - Clock::now());
    if (left.count() <= 0) return std::unexpected(pace_.overdue().with_context(url_.host_port()));
    const auto wait = static_cast<int>(std::min<long long>(left.count() + 1, 1000));
    curl_multi_poll(session.multi(), nullptr, 0, wait, nullptr);
  }
  int queued = 0;
  const CURLMsg* message = curl_multi_info_read(session.multi(), &queued);
  return message == nullptr ? CURLE_FAILED_INIT : message->data.result;
}

// The kinds of failure that people can do different things about.
HttpFailure kind_of(CURLcode code, bool in_body) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return HttpFailure::name_not_found;
    case CURLE_COULDNT_RESOLVE_PROXY:
      return HttpFailure::proxy_name_not_found;
    case CURLE_COULDNT_CONNECT:
      return HttpFailure::not_connected;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFailure::connect_timeout;
    case CURLE_SSL_CONNECT_ERROR:
      return HttpFailure::tls_handshake;
    case CURLE_PEER_FAILED_VERIFICATION:
      return HttpFailure::certificate;
    case CURLE_SSL_CACERT_BADFILE:
      return HttpFailure::ca_file;
    case CURLE_SSL_CERTPROBLEM:
      return HttpFailure::client_certificate;
    case CURLE_PROXY:
      return HttpFailure::proxy;
    case CURLE_PARTIAL_FILE:
      return HttpFailure::short_body;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return HttpFailure::not_http;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:  // a kept connection was dead; the upload cannot begin again here
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return in_body ? HttpFailure::short_body : HttpFailure::no_answer;
    default:
      return HttpFailure::other;
  }
}

// GOAWAY and resets come as broken connections, too. HTTP/1.1's own look the same, but asking in
// HTTP/1.1 again hurts nobody.
bool is_http2_trouble(CURLcode code) {
  return code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM || code == CURLE_GOT_NOTHING ||
         code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE;
}

Error Transfer::failure(CURL* easy, CURLcode code) const {
  const bool used_proxy = through_proxy();
  long os_error = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
  const bool tunnel = used_proxy && !pace_.is_connected() && code == CURLE_RECV_ERROR;
  return explain(tunnel ? HttpFailure::proxy : kind_of(code, reader_.done()),
                 {.url = url_,
                  .detail = detail_[0] != '\0' ? detail_.data() : curl_easy_strerror(code),
                  .os_error = static_cast<int>(os_error),
                  .through_proxy = used_proxy,
                  .ca_file = ca_file_,
                  .client_certificate = request_.tls.client_certificate,
                  .proxy = used_proxy ? proxy_of(request_.proxy, url_) : ""});
}

Result<HttpResponse> Transfer::run(Session& session, const std::stop_token& stop) {
  // Whatever happens, the handle leaves the session without pointers into this transfer.
  struct Attached {
    explicit Attached(const Session& owner) : session(owner) {}
    ~Attached() {
      curl_multi_remove_handle(session.multi(), session.easy());
      curl_easy_reset(session.easy());
    }
    Attached(const Attached&) = delete;
    Attached& operator=(const Attached&) = delete;
    const Session& session;
  } attached(session);
  TRY(prepare(session.easy()));
  if (curl_multi_add_handle(session.multi(), session.easy()) != CURLM_OK) {
    return fail(Errc::internal, "curl_multi_add_handle failed");
  }
  const CURLcode code = TRY(drive(session, stop));
  if (refusal_) return std::unexpected(*refusal_);
  http2_failed_ = url_.tls && is_http2_trouble(code);
  if (code != CURLE_OK) return std::unexpected(failure(session.easy(), code));
  if (!reader_.done()) return std::unexpected(failure(session.easy(), CURLE_GOT_NOTHING));
  return std::move(reader_.head());
}

}  // namespace

class CurlHttpClient::Pool {
 public:
  Pool() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::bad_alloc();
  }
  ~Pool() {
    idle_.clear();
    curl_global_cleanup();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // An idle session, best one that was at this origin before; else a new one.
  std::unique_ptr<Session> take(const std::string& origin) {
    const std::scoped_lock lock(mutex_);
    auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                              [&](const auto& session) { return session->knows(origin); });
    if (found == idle_.rend()) {
      if (idle_.size() < kIdleSessions) return std::make_unique<Session>();
      found = std::prev(idle_.rend());  // the one unused for longest
    }
    auto session = std::move(*found);
    idle_.erase(std::next(found).base());
    return session;
  }

  void give_back(std::unique_ptr<Session> session) {
    const std::scoped_lock lock(mutex_);
    if (idle_.size() < kIdleSessions) idle_.push_back(std::move(session));
  }

  [[nodiscard]] bool is_http1(const std::string& origin) {
    const std::scoped_lock lock(mutex_);
    return http1_.contains(origin);
  }
  void remember_http1(const std::string& origin) {
    const std::scoped_lock lock(mutex_);
    if (http1_.size() < kRememberedOrigins) http1_.insert(origin);
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;  // last used last
  std::set<std::string> http1_;                 // origins whose HTTP/2 broke
};

CurlHttpClient::CurlHttpClient() : pool_(std::make_unique<Pool>()) {}
CurlHttpClient::~CurlHttpClient() = default;

Result<HttpResponse> CurlHttpClient::send(const HttpRequest& request, const HttpHeadSink& head,
                                          const ByteSink& body, std::stop_token stop) {
  HttpUrl url = TRY(parse_http_url(request.url));
  if (url.user_info)
    return fail(Errc::invalid_document, url.host_port() + ": the URL holds credentials");
  const std::string origin = (url.tls ? "https://" : "http://") + url.host_port();
  Transfer transfer(request, std::move(url), head, body);
  if (pool_->is_http1(origin)) transfer.force_http1();
  auto session = pool_->take(origin);
  auto answer = transfer.run(*session, stop);
  if (transfer.http2_failed()) pool_->remember_http1(origin);
  session->remember(origin);
  pool_->give_back(std::move(session));
  return answer;
}

std::string http_library() { return curl_version(); }

}  // namespace nodeproof
