#include "agent/containerd/handlers_grpc.hpp"
#include "common/json.hpp"
#include "common/text.hpp"
#include "cri.grpc.pb.h"

namespace nodeproof::containerd {
namespace {

namespace cri = ::runtime::v1;

std::string text_in(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  return value == nullptr ? std::string() : value->string().value_or("");
}

bool is_set(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  return value != nullptr && value->boolean().value_or(false);
}

std::unexpected<Error> unknown_handler(const std::string& name, const json::Value* runtimes) {
  std::string known;
  if (runtimes != nullptr) {
    for (const auto& [other, settings] : runtimes->members()) {
      known += (known.empty() ? "" : ", ") + printable(other, 64);
    }
  }
  return fail(Errc::invalid_config,
              "containerd's configuration has no runtime \"" + printable(name, 64) + "\"; it has " +
                  (known.empty() ? "none" : known),
              "add it to containerd's configuration, or correct the image's \"sandbox\"");
}

}  // namespace

Result<RuntimeHandler> find_handler(std::string_view config, const std::string& name) {
  const json::Value root = TRY(json::parse(config));
  const json::Value* runtimes = root.find("containerd");
  if (runtimes != nullptr) runtimes = runtimes->find("runtimes");
  const json::Value* found = runtimes == nullptr ? nullptr : runtimes->find(name);
  if (found == nullptr) return unknown_handler(name, runtimes);
  RuntimeHandler handler;
  if (std::string type = text_in(*found, "runtimeType"); !type.empty()) handler.type = type;
  const json::Value* options = found->find("options");
  if (options == nullptr || handler.type != kRuncRuntime) return handler;
  handler.binary = text_in(*options, "BinaryName");
  handler.root = text_in(*options, "Root");
  handler.no_pivot_root = is_set(*options, "NoPivotRoot");
  handler.no_new_keyring = is_set(*options, "NoNewKeyring");
  return handler;
}

Result<RuntimeHandler> read_handler(const Channel& channel, const std::string& name,
                                    const std::stop_token& stop) {
  const auto runtime = cri::RuntimeService::NewStub(channel.transport());
  cri::StatusRequest request;
  request.set_verbose(true);
  cri::StatusResponse response;
  const auto status = channel.call(
      {.stop = stop}, [&](auto* context) { return runtime->Status(context, request, &response); });
  if (!status.ok() && stop.stop_requested()) {
    return fail(Errc::cancelled, "asking containerd for its runtimes: stopped");
  }
  const auto config = response.info().find("config");
  if (!status.ok() || config == response.info().end()) {
    return fail(Errc::invalid_config,
                "the runtime \"" + printable(name, 64) +
                    "\" is not known: containerd's CRI plugin does not tell its configuration",
                "enable containerd's CRI plugin, or leave out the image's sandbox.runtime");
  }
  return find_handler(config->second, name);
}

}  // namespace nodeproof::containerd
