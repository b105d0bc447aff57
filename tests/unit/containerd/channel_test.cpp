#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "agent/containerd/blob_writer_grpc.hpp"
#include "agent/containerd/channel_grpc.hpp"
#include "agent/containerd/find_containerd.hpp"
#include "agent/containerd/grpc_image_store.hpp"
#include "agent/containerd/grpc_runtime.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::containerd {
namespace {

using testing::HasSubstr;

// A Unix socket that takes connections and never says a word.
class SilentServer {
 public:
  SilentServer() {
    fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
    if (::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd_.get(), 64) != 0) {
      std::abort();
    }
  }
  ~SilentServer() = default;
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  [[nodiscard]] std::string socket() const { return folder_.path() / "containerd.sock"; }
  void die() { fd_.reset(); }  // the socket's name stays, as after a crash

 private:
  fakes::TempFolder folder_;
  UniqueFd fd_;
};

TEST(ProbeSocket, SaysWhatIsWrong) {
  const auto absent = probe_socket("/nowhere/containerd.sock");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Errc::runtime_unavailable);
  EXPECT_THAT(absent.error().message, HasSubstr("/nowhere/containerd.sock"));
  EXPECT_THAT(absent.error().remedy, HasSubstr("containerd.address"));

  EXPECT_EQ(probe_socket("containerd.sock").error().code, Errc::invalid_config);
  EXPECT_EQ(probe_socket("/" + std::string(200, 'x')).error().code, Errc::invalid_config);

  SilentServer server;
  EXPECT_TRUE(probe_socket(server.socket()));
  server.die();
  const auto dead = probe_socket(server.socket());
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().code, Errc::runtime_unavailable);
  EXPECT_THAT(dead.error().message, HasSubstr("not running"));
}

TEST(ProbeSocket, TakesAnAddressWithItsScheme) {
  EXPECT_EQ(socket_path("unix:///run/containerd/containerd.sock"),
            "/run/containerd/containerd.sock");
}

struct Answer {
  const char* name;
  grpc::StatusCode code;
  const char* text;
  Errc expected;
};

class ErrorOf : public testing::TestWithParam<Answer> {};

TEST_P(ErrorOf, KeepsWhatCallersDecideBy) {
  const SilentServer server;
  const Channel channel({server.socket(), "k8s.io", "overlayfs"});
  const Error error = channel.error({GetParam().code, GetParam().text}, "doing it");
  EXPECT_EQ(error.code, GetParam().expected) << error.message;
  EXPECT_THAT(error.message, HasSubstr("doing it"));
  EXPECT_THAT(error.message, HasSubstr(server.socket()));
  EXPECT_EQ(error.message.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Answers, ErrorOf,
    testing::Values(
        Answer{"FullDisk", grpc::StatusCode::UNKNOWN, "write /x: no space left on device",
               Errc::no_space},
        Answer{"Quota", grpc::StatusCode::UNKNOWN, "disk quota exceeded", Errc::no_space},
        Answer{"LockedRef", grpc::StatusCode::UNAVAILABLE, "ref layer-x locked for 1s", Errc::busy},
        Answer{"Gone", grpc::StatusCode::UNAVAILABLE, "Socket closed", Errc::runtime_unavailable},
        Answer{"Late", grpc::StatusCode::DEADLINE_EXCEEDED, "", Errc::timeout},
        Answer{"LateInTheShim", grpc::StatusCode::UNKNOWN, "ttrpc: context deadline exceeded",
               Errc::timeout},
        Answer{"Stopped", grpc::StatusCode::CANCELLED, "", Errc::cancelled},
        Answer{"Absent", grpc::StatusCode::NOT_FOUND, "lease does not exist", Errc::io},
        Answer{"TooLong", grpc::StatusCode::RESOURCE_EXHAUSTED, "message too large", Errc::io},
        Answer{"CutStream", grpc::StatusCode::UNKNOWN, "unexpected EOF", Errc::io},
        Answer{"Forbidden", grpc::StatusCode::PERMISSION_DENIED, "no", Errc::permission_denied},
        Answer{"NoSuchService", grpc::StatusCode::UNIMPLEMENTED, "unknown service",
               Errc::unsupported},
        Answer{"TwoLines", grpc::StatusCode::UNKNOWN, "runc:\nfailed", Errc::io}),
    [](const auto& one) { return one.param.name; });

TEST(RefKey, IsTheOneGoClientsUse) {
  const Digest digest = hash_of(as_bytes("x"));
  const auto key = [&](std::string_view type) {
    return ref_key({std::string(type), digest, 1, {}, {}});
  };
  EXPECT_EQ(key("application/vnd.oci.image.layer.v1.tar+gzip"), "layer-" + digest.str());
  EXPECT_EQ(key("application/vnd.docker.image.rootfs.diff.tar.gzip"), "layer-" + digest.str());
  EXPECT_EQ(key(media_type::kOciManifest), "manifest-" + digest.str());
  EXPECT_EQ(key(media_type::kDockerList), "index-" + digest.str());
  EXPECT_EQ(key("application/vnd.oci.image.config.v1+json"), "config-" + digest.str());
  EXPECT_EQ(key("application/octet-stream"), "unknown-" + digest.str());
}

// ---- returns after stop
// ----------------------------------------------------------------------------------------------
using Work = std::function<Errc(const std::string& socket, const std::stop_token& stop)>;
struct Waiting {
  const char* name;
  Work work;
};

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? Errc::internal : result.error().code;
}

Descriptor some_layer() {
  return {"application/vnd.oci.image.layer.v1.tar", hash_of(as_bytes("x")), 1, {}, {}};
}

class ReturnsAfterStop : public testing::TestWithParam<Waiting> {};

TEST_P(ReturnsAfterStop, WhenContainerdSaysNothing) {
  const SilentServer server;
  std::stop_source stop;
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(GetParam().work(server.socket(), stop.get_token()), Errc::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

GrpcImageStore store_at(const std::string& socket, std::stop_token stop = {}) {
  return GrpcImageStore({socket, "k8s.io", "overlayfs"}, std::move(stop));
}

INSTANTIATE_TEST_SUITE_P(
    StoreCalls, ReturnsAfterStop,
    testing::Values(
        Waiting{"BeginBlob",
                [](const std::string& socket, const std::stop_token& stop) {
                  auto store = store_at(socket);
                  return code_of(store.begin_blob(some_layer(), "lease", stop));
                }},
        Waiting{"ReadBlob",
                [](const std::string& socket, const std::stop_token& stop) {
                  auto store = store_at(socket);
                  const ByteSink sink = [](Bytes) { return Result<>(); };
                  return code_of(store.read_blob(some_layer().digest, sink, stop));
                }},
        Waiting{"CreateLease",
                [](const std::string& socket, const std::stop_token& stop) {
                  auto store = store_at(socket, stop);
                  return code_of(store.create_lease({"lease", {}}, std::chrono::hours(1)));
                }},
        Waiting{"Unpack",
                [](const std::string& socket, const std::stop_token& stop) {
                  auto store = store_at(socket, stop);
                  const Digest any = some_layer().digest;
                  return code_of(store.unpack({some_layer(), any, {}, any, "lease"}, stop));
                }},
        Waiting{"PutImage",
                [](const std::string& socket, const std::stop_token& stop) {
                  auto store = store_at(socket, stop);
                  return code_of(store.put_image({"registry.test/x:1", some_layer(), {}}));
                }}),
    [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(
    RuntimeCalls, ReturnsAfterStop,
    testing::Values(Waiting{"Facts",
                            [](const std::string& socket, const std::stop_token& stop) {
                              GrpcContainerRuntime runtime({socket, "", ""});
                              return code_of(runtime.facts(stop));
                            }},
                    Waiting{"Run",
                            [](const std::string& socket, const std::stop_token& stop) {
                              GrpcContainerRuntime runtime({socket, "", ""});
                              const ContainerRequest request{.id = "nodeproof-x",
                                                             .rootfs = some_layer().digest,
                                                             .spec_json = "{}",
                                                             .stdout_path = {},
                                                             .lease = {},
                                                             .labels = {}};
                              return code_of(runtime.run(request, stop));
                            }},
                    Waiting{"Find",
                            [](const std::string& socket, const std::stop_token& stop) {
                              const std::string_view sockets[] = {socket};
                              return code_of(find_containerd({}, stop, sockets));
                            }}),
    [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace nodeproof::containerd
