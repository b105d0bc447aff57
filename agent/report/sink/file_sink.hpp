// Reports as a file: whole or as it was before, and not written again when it would say the same.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "agent/report/sink/sink.hpp"

namespace nodeproof::report {

class FileSink final : public Sink {
 public:
  using Render = std::function<std::string(const Delivery&)>;
  FileSink(std::filesystem::path path, Render render)
      : path_(std::move(path)), render_(std::move(render)) {}

  Result<> deliver(const Delivery& delivery, SinkState& state,
                   const std::stop_token& stop) override;

 private:
  const std::filesystem::path path_;
  const Render render_;
};

}  // namespace nodeproof::report
