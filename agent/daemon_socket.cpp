#include "agent/daemon_socket.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <deque>
#include <utility>

#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::local::stream_protocol;

constexpr std::size_t kMaxRequest = 4096;  // bytes
constexpr std::size_t kMaxConnections = 16;
constexpr auto kPatience =
    std::chrono::seconds(10);  // for a request to come in, and for an answer to go out

Result<std::string> method_of(const std::string& line) {
  const json::Value request = TRY(json::parse(line, {.max_bytes = kMaxRequest, .max_depth = 4}));
  const json::Value* method = TRY(request.at("method"));
  return method->string();
}

}  // namespace

std::string error_document(const Error& error) {
  json::Writer out;
  out.begin_object().key("error").begin_object();
  out.member("code", to_string(error.code));
  out.member("message", error.message);
  out.member("remedy", error.remedy);
  out.end_object().end_object();
  return out.str();
}

class StatusSocket::Server : public std::enable_shared_from_this<StatusSocket::Server> {
 public:
  Server(asio::io_context& loop, std::filesystem::path path, OnRequest on_request)
      : loop_(loop),
        path_(std::move(path)),
        on_request_(std::move(on_request)),
        acceptor_(loop),
        pause_(loop) {}

  Result<> open() {
    TRY(remove_file(path_));
    error_code error;
    error = acceptor_.open(Protocol(), error);
    // Nobody else may connect between bind and chmod.
    const mode_t before = ::umask(0117);
    if (!error) error = acceptor_.bind(Protocol::endpoint(path_.string()), error);
    ::umask(before);
    if (!error) error = acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return fail_errno(error.value(), path_.string());
    accept();
    return {};
  }

  void close() {
    closed_ = true;
    error_code error;  // where closing fails there is nothing left to do
    error = acceptor_.close(error);
    pause_.cancel();
    on_request_ = nullptr;
    ::unlink(path_.c_str());
  }

  void serve(const std::string& line, Client client) {
    if (closed_) return;
    auto method = method_of(line);
    if (!method) return client.reply(error_document(method.error()));
    on_request_(*method, std::move(client));
  }

 private:
  class Connection;
  void accept();
  void accept_later();
  [[nodiscard]] bool make_room();

  asio::io_context& loop_;
  const std::filesystem::path path_;
  OnRequest on_request_;
  Protocol::acceptor acceptor_;
  asio::steady_timer pause_;
  std::deque<std::weak_ptr<Connection>> connections_;  // the oldest first
  bool closed_ = false;
};

class StatusSocket::Server::Connection
    : public std::enable_shared_from_this<StatusSocket::Server::Connection> {
 public:
  Connection(std::shared_ptr<Server> server, Protocol::socket socket, asio::io_context& loop)
      : server_(std::move(server)), socket_(std::move(socket)), deadline_(loop) {}

  void begin() {
    set_deadline();
    read_more();
  }

  [[nodiscard]] bool waits_for_us() const { return waits_for_us_; }

  void drop() {
    waits_for_us_ = false;
    error_code error;
    error = socket_.close(error);
    deadline_.cancel();
  }

 private:
  void set_deadline() {
    deadline_.expires_after(kPatience);
    deadline_.async_wait([weak = weak_from_this()](const error_code& error) {
      if (const auto self = weak.lock(); self && !error) self->drop();
    });
  }

  void read_more() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](const error_code& error, std::size_t size) {
                              if (!error) self->take(size);
                            });
  }

  void take(std::size_t size) {
    request_.append(buffer_.data(), size);
    const std::size_t end = request_.find('\n');
    if (end == std::string::npos) {
      if (request_.size() > kMaxRequest) return drop();
      return read_more();
    }
    request_.resize(end);
    deadline_.cancel();  // how long a check takes is not the client's fault
    waits_for_us_ = true;
    server_->serve(request_, client());
    if (waits_for_us_) expect_hang_up();
  }

  // It does not live by who may answer it one day.
  Client client() {
    const auto weak = weak_from_this();
    return {.reply =
                [weak](std::string document) {
                  if (const auto self = weak.lock()) self->answer(std::move(document));
                },
            .is_there = [weak] { return !weak.expired(); }};
  }

  // More than one line is none of the protocol's: it ends the connection as its end does.
  void expect_hang_up() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](const error_code&, std::size_t) {
                              if (self->waits_for_us_) self->drop();
                            });
  }

  void answer(std::string document) {
    if (!waits_for_us_) return;
    waits_for_us_ = false;
    answer_ = std::move(document);
    set_deadline();
    asio::async_write(
        socket_, asio::buffer(answer_),
        [self = shared_from_this()](const error_code&, std::size_t) { self->drop(); });
  }

  std::shared_ptr<Server> server_;
  Protocol::socket socket_;
  asio::steady_timer deadline_;
  std::array<char, 1024> buffer_{};
  std::string request_;
  std::string answer_;
  bool waits_for_us_ = false;  // it has asked, and has no answer yet
};

// Who waits for a check is not sent away for who comes later.
bool StatusSocket::Server::make_room() {
  std::erase_if(connections_, [](const auto& one) { return one.expired(); });
  if (connections_.size() < kMaxConnections) return true;
  for (auto one = connections_.begin(); one != connections_.end(); ++one) {
    const auto connection = one->lock();
    if (connection->waits_for_us()) continue;
    connection->drop();
    connections_.erase(one);
    return true;
  }
  return false;
}

void StatusSocket::Server::accept() {
  acceptor_.async_accept(
      [self = shared_from_this()](const error_code& error, Protocol::socket socket) {
        if (self->closed_ || error == asio::error::operation_aborted) return;
        if (error) return self->accept_later();  // no descriptors left: not at once again
        if (self->make_room()) {
          auto fresh = std::make_shared<Connection>(self, std::move(socket), self->loop_);
          self->connections_.push_back(fresh);
          fresh->begin();
        }
        self->accept();
      });
}

// Out of descriptors, say: not again at once, or the loop would spin.
void StatusSocket::Server::accept_later() {
  pause_.expires_after(std::chrono::seconds(1));
  pause_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && !self->closed_) self->accept();
  });
}

Result<StatusSocket> StatusSocket::listen(asio::io_context& loop, const std::filesystem::path& path,
                                          OnRequest on_request) {
  auto server = std::make_shared<Server>(loop, path, std::move(on_request));
  TRY(server->open());
  return StatusSocket(std::move(server));
}

StatusSocket::StatusSocket(std::shared_ptr<Server> server) : server_(std::move(server)) {}
StatusSocket::StatusSocket(StatusSocket&&) noexcept = default;

StatusSocket::~StatusSocket() {
  if (server_) server_->close();
}

}  // namespace nodeproof
