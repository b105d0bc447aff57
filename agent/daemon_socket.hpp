// The status socket: one request line in, one JSON document out, per connection.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "common/error.hpp"

namespace boost::asio {
class io_context;
}

namespace nodeproof {

class StatusSocket {
 public:
  // A client that has hung up needs no answer; to give it one is no harm.
  struct Client {
    std::function<void(std::string document)> reply;  // at once or later, once
    std::function<bool()> is_there;
  };
  using OnRequest = std::function<void(const std::string& method, Client client)>;  // in the loop

  // Listens when it returns, with mode 0660 and the process's own group. Where all connections are
  // in use, the oldest that has not asked yet, or does not take its answer, makes room. What lies
  // at the path is removed: the caller holds the instance lock.
  static Result<StatusSocket> listen(boost::asio::io_context& loop,
                                     const std::filesystem::path& path, OnRequest on_request);
  ~StatusSocket();  // removes the socket's file; open connections are closed
  StatusSocket(StatusSocket&&) noexcept;
  StatusSocket& operator=(StatusSocket&&) = delete;
  StatusSocket(const StatusSocket&) = delete;
  StatusSocket& operator=(const StatusSocket&) = delete;

 private:
  class Server;
  explicit StatusSocket(std::shared_ptr<Server> server);
  std::shared_ptr<Server> server_;
};

// {"error": {"message": ...}}
[[nodiscard]] std::string error_document(const Error& error);

}  // namespace nodeproof
