// One request under way, as the main process sees it.
#pragma once

#include <string>

#include "agent/unpack/message.hpp"
#include "common/bytes.hpp"

namespace nodeproof::unpack {

// Destroyed early: the child that serves it is killed, and gone when the destructor returns.
class Errand {
 public:
  static Result<Errand> start(int broker, Task task, const std::string& directory);
  Errand(Errand&&) noexcept = default;
  Errand& operator=(Errand&&) = delete;
  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;
  ~Errand();

  // Waits until the writer is confined: false, it is not, and outcome() says why.
  [[nodiscard]] bool has_begun();
  // The child is killed; from any thread. What waits for it fails.
  void abandon() const;
  // False: the child takes no more.
  bool send(Bytes bytes);
  // Ends the input and waits for the child's word and its end.
  Result<std::string> outcome();

 private:
  Errand(UniqueFd input, UniqueFd result, UniqueFd life)
      : input_(std::move(input)), result_(std::move(result)), life_(std::move(life)) {}
  [[nodiscard]] Result<> end_of_child() const;

  UniqueFd input_, result_, life_;
  std::string said_;
};

}  // namespace nodeproof::unpack
