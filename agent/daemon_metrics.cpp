#include "agent/daemon_metrics.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace nodeproof {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kMaxConnections = 8;
constexpr std::uint32_t kMaxHeader = 8192;  // bytes
constexpr std::uint64_t kMaxBody = 0;
constexpr std::chrono::seconds kPatience{10};  // for a request, and for its answer to be taken
constexpr std::chrono::seconds kPause{1};
constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";

using Response = http::response<http::string_body>;

Response answer(const http::request<http::empty_body>& request,
                const MetricsListener::Render& render) {
  Response response{http::status::ok, request.version()};
  response.set(http::field::content_type, std::string(kText));
  response.keep_alive(false);
  const bool reads = request.method() == http::verb::get || request.method() == http::verb::head;
  const auto target = std::string_view(request.target().data(), request.target().size());
  if (!reads) {
    response.result(http::status::method_not_allowed);
    response.set(http::field::allow, "GET, HEAD");
  } else if (target.substr(0, target.find('?')) != "/metrics") {
    response.result(http::status::not_found);
    response.body() = "there is /metrics\n";
  } else {
    response.body() = render();
  }
  if (request.method() == http::verb::head) {
    response.content_length(response.body().size());
    response.body().clear();
    return response;
  }
  response.prepare_payload();
  return response;
}

// "[::1]:9639", "127.0.0.1:9639"
std::optional<asio::ip::tcp::endpoint> endpoint_of(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const auto read = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error || read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return asio::ip::tcp::endpoint(address, port);
}

// One request and its answer.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Gone = std::function<void(Connection*)>;
  Connection(asio::ip::tcp::socket socket, const MetricsListener::Render& render, Gone gone)
      : stream_(std::move(socket)), render_(render), gone_(std::move(gone)) {
    parser_.header_limit(kMaxHeader);
    parser_.body_limit(kMaxBody);
  }

  void begin() {
    stream_.expires_after(kPatience);
    http::async_read(stream_, buffer_, parser_,
                     [self = shared_from_this()](const error_code& error, std::size_t) {
                       if (error) return self->end();
                       self->reply();
                     });
  }

  void close() {
    gone_ = nullptr;
    stream_.close();
  }

 private:
  void reply() {
    response_ = answer(parser_.get(), render_);
    stream_.expires_after(kPatience);
    http::async_write(stream_, *response_,
                      [self = shared_from_this()](const error_code&, std::size_t) { self->end(); });
  }

  void end() {
    error_code error;
    error = stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, error);
    stream_.close();
    if (const auto gone = std::exchange(gone_, nullptr)) gone(this);
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{kMaxHeader};
  http::request_parser<http::empty_body> parser_;
  std::optional<Response> response_;
  const MetricsListener::Render& render_;
  Gone gone_;
};

}  // namespace

class MetricsListener::Server {
 public:
  Server(asio::io_context& loop, Render render)
      : acceptor_(loop), pause_(loop), render_(std::move(render)) {}

  Result<> open(const asio::ip::tcp::endpoint& endpoint) {
    error_code error;
    error = acceptor_.open(endpoint.protocol(), error);
    if (!error) error = acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) error = acceptor_.bind(endpoint, error);
    if (!error) error = acceptor_.listen(static_cast<int>(kMaxConnections), error);
    if (error) return fail_errno(error.value(), "listening for scrapes");
    accept();
    return {};
  }

  void close() {
    error_code error;
    error = acceptor_.close(error);
    pause_.cancel();
    for (const auto& connection : std::exchange(connections_, {})) connection->close();
  }

 private:
  // While as many as may be are open the others wait in the kernel's queue.
  void accept() {
    if (!acceptor_.is_open() || accepting_ || connections_.size() >= kMaxConnections) return;
    accepting_ = true;
    acceptor_.async_accept([this](const error_code& error, asio::ip::tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      accepting_ = false;
      if (error) return accept_later();
      serve(std::move(socket));
      accept();
    });
  }

  // No descriptor is left, say: that does not pass at once.
  void accept_later() {
    pause_.expires_after(kPause);
    pause_.async_wait([this](const error_code& error) {
      if (!error) accept();
    });
  }

  void serve(asio::ip::tcp::socket socket) {
    const auto connection =
        std::make_shared<Connection>(std::move(socket), render_, [this](Connection* gone) {
          std::erase_if(connections_, [gone](const auto& one) { return one.get() == gone; });
          accept();
        });
    connections_.insert(connection);
    connection->begin();
  }

  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  const Render render_;
  std::set<std::shared_ptr<Connection>> connections_;
  bool accepting_ = false;
};

Result<MetricsListener> MetricsListener::listen(asio::io_context& loop, const std::string& address,
                                                Render render) {
  const auto endpoint = endpoint_of(address);
  if (!endpoint) return fail(Errc::invalid_config, address + " is no address with a port");
  auto server = std::make_shared<Server>(loop, std::move(render));
  if (auto opened = server->open(*endpoint); !opened) {
    return std::unexpected(
        Error(opened.error())
            .with_context(address)
            .with_remedy("set report.metrics.listen to an address of this host and a free port"));
  }
  return MetricsListener(std::move(server));
}

MetricsListener::MetricsListener(std::shared_ptr<Server> server) : server_(std::move(server)) {}
MetricsListener::MetricsListener(MetricsListener&&) noexcept = default;

MetricsListener::~MetricsListener() {
  if (server_) server_->close();
}

}  // namespace nodeproof
