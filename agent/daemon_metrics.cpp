#include "agent/daemon_metrics.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

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

}  // namespace

// Kept alive by its pending handlers and its connections: one whose event has happened already runs
// when the listener is gone, too.
class MetricsListener::Server : public std::enable_shared_from_this<Server> {
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

  void close();

 private:
  class Connection;

  void accept() {
    if (closed_) return;
    acceptor_.async_accept(
        [self = shared_from_this()](const error_code& error, asio::ip::tcp::socket socket) {
          if (self->closed_) return;
          if (error) return self->accept_later();
          self->serve(std::move(socket));
          self->accept();
        });
  }

  // No descriptor is left, say: that does not pass at once.
  void accept_later() {
    pause_.expires_after(kPause);
    pause_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->accept();
    });
  }

  void serve(asio::ip::tcp::socket socket);
  void drop(const Connection* gone);

  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  const Render render_;
  std::vector<std::shared_ptr<Connection>> connections_;  // oldest first
  bool closed_ = false;
};

// One request and its answer.
class MetricsListener::Server::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::ip::tcp::socket socket, std::shared_ptr<Server> server)
      : stream_(std::move(socket)), server_(std::move(server)) {
    parser_.header_limit(kMaxHeader);
    parser_.body_limit(kMaxBody);
  }

  [[nodiscard]] bool has_asked() const { return response_.has_value(); }

  void begin() {
    stream_.expires_after(kPatience);
    http::async_read(stream_, buffer_, parser_,
                     [self = shared_from_this()](const error_code& error, std::size_t) {
                       if (error || self->server_->closed_) return self->end();
                       self->reply();
                     });
  }

  void close() { stream_.close(); }

 private:
  void reply() {
    response_ = answer(parser_.get(), server_->render_);
    stream_.expires_after(kPatience);
    http::async_write(stream_, *response_,
                      [self = shared_from_this()](const error_code&, std::size_t) { self->end(); });
  }

  void end() {
    error_code error;
    error = stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, error);
    stream_.close();
    server_->drop(this);
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{kMaxHeader};
  http::request_parser<http::empty_body> parser_;
  std::optional<Response> response_;
  std::shared_ptr<Server> server_;
};

void MetricsListener::Server::close() {
  closed_ = true;
  error_code error;
  error = acceptor_.close(error);
  pause_.cancel();
  for (const auto& connection : std::exchange(connections_, {})) connection->close();
}

// Who does not ask makes room for who does.
void MetricsListener::Server::serve(asio::ip::tcp::socket socket) {
  if (connections_.size() >= kMaxConnections) {
    auto idle =
        std::ranges::find_if(connections_, [](const auto& one) { return !one->has_asked(); });
    if (idle == connections_.end()) idle = connections_.begin();
    (*idle)->close();
    connections_.erase(idle);
  }
  connections_.push_back(std::make_shared<Connection>(std::move(socket), shared_from_this()));
  connections_.back()->begin();
}

void MetricsListener::Server::drop(const Connection* gone) {
  std::erase_if(connections_, [gone](const auto& one) { return one.get() == gone; });
}

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
