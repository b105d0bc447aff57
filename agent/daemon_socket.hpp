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
  using Reply = std::function<void(std::string document)>;
  // Called from the loop; the reply may be given at once or later, once.
  using OnRequest = std::function<void(const std::string& method, Reply reply)>;

  // Listens when it returns, with mode 0660. What lies at the path is removed: the caller holds the
  // instance lock.
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
