// The story as types: config -> host facts -> required images -> resolved -> pulled -> inspected ->
// smoked -> report.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes.hpp"
#include "common/digest.hpp"
#include "common/oci.hpp"
#include "common/platform.hpp"
#include "common/reference.hpp"

namespace nodeproof {

// ---- findings
// ------------------------------------------------------------------------------------------------------
// `fail` only for exact rules or what was observed; heuristics are capped at `warn`; `unknown` =
// could not be checked.
enum class Severity { info, warn, unknown, fail };

// A finding counts for less than its rule says.
struct Lowered {
  Severity from = Severity::info;
  std::string why;  // "accepted until 2027-01-31: fixed in 2.2"
  friend bool operator==(const Lowered&, const Lowered&) = default;
};

struct Finding {
  std::string code;  // CamelCase and stable, see agent/codes.hpp
  Severity severity = Severity::info;
  std::string subject;   // a file in the image, a platform, a socket ...
  std::string layer;     // layer digest that brought the subject; "" = none
  std::string message;   // one sentence
  std::string evidence;  // the bytes, bits or lines that prove it
  std::string remedy;    // one sentence
  std::optional<Lowered> lowered = {};
  friend bool operator==(const Finding&, const Finding&) = default;
};

// ---- what is this node?
// -----------------------------------------------------------------------------------------------
struct BinfmtHandler {
  std::string name;               // qemu-aarch64
  std::string interpreter;        // host path
  std::string flags;              // "OCF": F = the interpreter works inside containers too
  std::uint16_t elf_machine = 0;  // e_machine its magic matches; 0 = not an ELF handler
  bool enabled = false;
  friend bool operator==(const BinfmtHandler&, const BinfmtHandler&) = default;
};

struct ContainerdFacts {
  std::string socket;
  std::string version;      // "1.6.20"
  std::string namespace_;   // k8s.io where a kubelet uses it, else default
  std::string snapshotter;  // overlayfs
  bool cri = false;         // the CRI plugin answers on the same socket
  bool systemd_cgroup = false;
  bool cgroup_driver_known = true;  // false: the CRI plugin did not answer
  friend bool operator==(const ContainerdFacts&, const ContainerdFacts&) = default;
};

// What a kubelet here keeps free, and how it treats images that somebody else has pulled.
struct KubeletFacts {
  std::string source;                   // the files it was read from
  unsigned image_gc_high_percent = 85;  // of the images' file system in use: it deletes images then
  std::map<std::string, std::string> eviction_hard = {{"imagefs.available", "15%"},
                                                      {"imagefs.inodesFree", "5%"},
                                                      {"nodefs.available", "10%"},
                                                      {"nodefs.inodesFree", "5%"}};
  std::string pull_credentials_policy;  // imagePullCredentialsVerificationPolicy; "" = not said
  std::string cgroup_driver;            // cgroupfs, systemd; "" = not said
  std::vector<std::string> preloaded_images_allowlist;
  friend bool operator==(const KubeletFacts&, const KubeletFacts&) = default;
};

struct HostFacts {
  Platform platform;                // as containerd sees it, not normalised: linux/arm64/v8
  std::string machine;              // uname -m
  unsigned kernel_bits = 0;         // 32 or 64
  unsigned userland_bits = 0;       // of PID 1's executable
  std::uint64_t page_size = 0;      // bytes
  std::vector<std::string> hwcaps;  // arm64: HWCAP/HWCAP2 names; amd64: cpuinfo flags that matter
  std::string isa_level;            // amd64: x86-64-v1..v4; arm64: ""
  unsigned va_bits = 0;             // of a process's addresses: 39, 42, 47, 48; 0 = not known
  std::optional<bool> aarch32;      // arm64: a 32-bit Arm program was started; nothing = not tried
  std::string kernel_release;
  std::string board;    // /proc/device-tree/model or DMI product; "" = not known
  std::string l4t;      // a Jetson's Linux for Tegra: "36.3.0"; "" = no Jetson
  std::string jetpack;  // the version of its package: "6.0"; "" = not known
  std::string name;     // host name
  std::string boot_id;
  std::vector<BinfmtHandler> binfmt;
  std::vector<std::string> cgroup_controllers;  // enabled ones: memory, pids, cpu ...
  bool cgroup_v2 = false;
  // What starts containers: its package's version, else where its file is, how large and how old;
  // "" = found nowhere.
  std::string runc = {};
  // What clone3(2) comes to under a container's seccomp profile: ENOSYS (a libc falls back to
  // clone), EPERM (it does not), allowed; "" = not tried.
  std::string clone3 = {};
  std::optional<ContainerdFacts> containerd;
  std::optional<KubeletFacts> kubelet;
  std::vector<Finding> findings;
  friend bool operator==(const HostFacts&, const HostFacts&) = default;
};

// ---- what must run?
// -----------------------------------------------------------------------------------------------------
struct SmokeExpectation {
  int exit = 0;
  // See Pattern, searched: each of the first lists is found, none of the second.
  std::vector<std::string> stdout_matches = {}, stdout_excludes = {};
  std::vector<std::string> stderr_matches = {}, stderr_excludes = {};
  std::string stdout_sha256 = {};  // of the normalised output, see SmokeResult; "" = not looked at
  friend bool operator==(const SmokeExpectation&, const SmokeExpectation&) = default;
};

// A server that must come up. It is asked inside the container's own network namespace, and then
// stopped with the image's STOPSIGNAL.
struct ServiceCheck {
  unsigned port = 0;         // 0 = none; `check` tells then
  std::string http_path;     // GET; "" = that the port accepts a connection is enough
  unsigned http_status = 0;  // 0 = any of 200 to 399
  std::string http_body;     // Pattern, searched; "" = not looked at
  // A command beside the service, as Docker's HEALTHCHECK: its first exit with 0 is the pass. Run
  // again and again until then, a pause after each end; the test's time-out ends it all. Empty =
  // none.
  std::vector<std::string> check = {};
  std::chrono::milliseconds check_timeout{30000};  // of one run of it; then it is killed
  std::chrono::milliseconds check_pause{1000};
  friend bool operator==(const ServiceCheck&, const ServiceCheck&) = default;
};

// What is asked of a file of the image; nothing is executed.
struct FileCheck {
  std::string path;  // absolute
  bool exists = true;
  std::string mode;  // as ls writes it: "-rw-r--r--"; "" = any
  std::optional<unsigned> uid, gid;
  std::string executable_by;                    // owner, group, other, any; "" = not asked
  std::vector<std::string> contains, excludes;  // Patterns over the content
  friend bool operator==(const FileCheck&, const FileCheck&) = default;
};

struct SmokeTest {
  std::string name;
  // Absolute path or looked up in the image's PATH. Of a service: empty = the image's entrypoint
  // and command. Empty for a file.
  std::vector<std::string> args;
  std::vector<std::string> env;              // added to the image's
  std::string user;                          // "" = the image's
  std::string cwd = {};                      // "" = the image's
  std::string input = {};                    // on standard input; "" = none
  std::chrono::milliseconds timeout{20000};  // of one run
  unsigned repeat = 1;  // runs one after the other; the first that fails ends them
  unsigned cpus = 0;    // that the host must offer, else it is skipped; 0 = any
  // Run before and after, as the same user; one of `before` that fails is the test's failure.
  std::vector<std::vector<std::string>> before = {}, after = {};
  SmokeExpectation expect;
  std::optional<ServiceCheck> service = {};
  std::optional<FileCheck> file = {};
  std::string source = {};  // "" = the configuration; HEALTHCHECK; the path of a structure test
  friend bool operator==(const SmokeTest&, const SmokeTest&) = default;
};

// What the operator allows the image's smoke container beyond its bare root file system.
struct SandboxMount {
  std::string source, target;  // of the host; inside. Read-only
  friend bool operator==(const SandboxMount&, const SandboxMount&) = default;
};

struct Sandbox {
  std::vector<SandboxMount> mounts;
  std::vector<std::string> tmpfs;     // directories the image writes to
  std::vector<std::string> devices;   // of the host: "/dev/nvhost-ctrl"
  std::string runtime;                // handler of containerd's configuration; "" = runc
  std::uint64_t memory = 1ULL << 30;  // bytes
  unsigned pids = 512;
  friend bool operator==(const Sandbox&, const Sandbox&) = default;
};

// A report of another node that this one's tests must agree with.
struct Golden {
  std::string report;             // a file; "registry" = a referrer of the image's index; "" = none
  std::vector<std::string> keys;  // PEM files; a report signed by none of them is not taken
  friend bool operator==(const Golden&, const Golden&) = default;
};

enum class Emulation { refuse, warn, allow };
enum class OnTagMoved { report, prove, follow };

struct HostCondition {  // empty or zero fields match every host
  std::string architecture;
  std::string board;  // substring of HostFacts::board
  std::uint64_t page_size = 0;
  friend bool operator==(const HostCondition&, const HostCondition&) = default;
};

// What the operator knows of and lives with, up to a day.
struct Acceptance {
  std::string code;
  std::string image;            // reference or shell pattern; "" = every image, and the host
  std::string subject;          // shell pattern over a finding's subject; "" = all
  std::chrono::sys_days until;  // the last day, UTC
  std::string why;
  std::string place;  // file:line: path of the entry
  friend bool operator==(const Acceptance&, const Acceptance&) = default;
};

struct RequiredImage {
  std::string reference;  // as written; parsed when used, so that one bad name costs one image
  bool required = true;
  HostCondition when;
  Emulation emulation = Emulation::refuse;
  OnTagMoved on_tag_moved = OnTagMoved::report;
  std::vector<SmokeTest> smoke;
  bool healthcheck = false;                  // run the image's own HEALTHCHECK, too
  std::vector<std::string> structure_tests;  // container-structure-test files of this host
  Sandbox sandbox;
  Golden golden;
  friend bool operator==(const RequiredImage&, const RequiredImage&) = default;
};

// ---- which variant?
// -----------------------------------------------------------------------------------------------------
struct ResolvedImage {
  Reference reference;
  std::optional<Descriptor> index;  // absent when the tag is a single manifest
  std::string index_bytes;
  Descriptor manifest;
  std::string manifest_bytes;
  Manifest document;
  std::string config_bytes;
  ImageConfig config;
  std::vector<Platform> available;  // what the index offers, attestations left out
  std::string choice;               // why this variant, one sentence
  std::vector<Finding> findings;
  // The tag's digest is a local source's word; why the registry's is not known.
  std::optional<Error> unconfirmed = {};
  // The manifest that containerd's own pull takes, of the same image with other layers; see
  // resolve::zstd_twin().
  std::optional<Descriptor> twin_of = {};
  std::string twin_of_bytes = {};
};

// ---- fetch it
// -------------------------------------------------------------------------------------------------------------
// Who wrote the layers of an image that were unpacked in this run.
struct Unpacked {
  unsigned by_nodeproof = 0, by_containerd = 0;  // layers
  std::vector<std::string> reasons = {};         // why containerd did, each once
  friend bool operator==(const Unpacked&, const Unpacked&) = default;
};

struct PullStats {
  std::uint64_t bytes = 0;             // of all layers and documents
  std::uint64_t downloaded_bytes = 0;  // from the registry or a local source in this run
  double seconds = 0;
  unsigned layers = 0;
  unsigned reused_layers = 0;  // neither downloaded nor unpacked in this run
  Unpacked unpacked = {};
  friend bool operator==(const PullStats&, const PullStats&) = default;
};

struct PulledImage {
  std::string lease;
  std::vector<Digest> chain;  // chain IDs, bottom first; back() is the rootfs
  PullStats stats;
};

// Hangs on a layer's compressed stream while it is read once; what goes wrong inside is its own to
// remember.
class LayerObserver {
 public:
  virtual ~LayerObserver() = default;
  virtual void write(Bytes bytes) = 0;
  virtual void
  finish() = 0;  // whole and digest-checked; destroyed without finish() = the stream broke off
};

class PlainSink;  // common/layer_reader.hpp

// The layer as a job for observers. plain: who else wants it, once it is inflated; outlives the
// observer, and has been told the end when finish() returns. None = nobody.
struct ObservedLayer {
  const Descriptor& blob;
  const Digest& diff_id;
  PlainSink* plain = nullptr;
};

// nullptr = this layer is known already, nobody wants it inflated, and it need not be read.
using LayerObserverFactory =
    std::function<std::unique_ptr<LayerObserver>(const ObservedLayer& layer)>;

// What a layer takes on disk once it is unpacked.
struct UnpackedSize {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;  // inodes
  friend bool operator==(const UnpackedSize&, const UnpackedSize&) = default;
};

// Of a layer that has been read, by this or an earlier run; nothing = it is not known. Called from
// several threads.
using UnpackedSizes = std::function<std::optional<UnpackedSize>(const Descriptor& layer)>;

// ---- does it run?
// ---------------------------------------------------------------------------------------------------------
enum class SmokeOutcome { passed, failed, skipped };

struct SmokeResult {
  std::string name;
  SmokeOutcome result = SmokeOutcome::skipped;
  int exit = -1;
  std::string signal;  // "SIGILL"
  double seconds = 0;
  std::string stdout_sha256;  // of the bytes as written
  std::string reason;
  // The same without what differs from run to run by nature; equal outputs of two architectures
  // have equal digests. "" = nothing was run.
  std::string normalised_sha256 = {};
  std::string source = {};        // as SmokeTest's
  unsigned runs = 1;              // that were made
  std::uint64_t max_rss = 0;      // bytes, of the largest process
  std::uint64_t page_faults = 0;  // minor and major, of all its processes
  std::string test_sha256 = {};   // of what was asked, see smoke_test_digest(); "" = not known
  friend bool operator==(const SmokeResult&, const SmokeResult&) = default;
};

struct SmokeReport {
  std::vector<SmokeResult> results;
  std::vector<Finding> findings;
  friend bool operator==(const SmokeReport&, const SmokeReport&) = default;
};

// ---- how often may a registry be asked?
// ---------------------------------------------------------------------------------
struct RateLimit {                                // what a registry said last
  std::optional<std::uint64_t> limit, remaining;  // requests
  std::optional<std::chrono::seconds> window;
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// ---- may work land?
// -------------------------------------------------------------------------------------------------------
enum class Verdict { ready, unknown, not_ready };
enum class Freshness { current, stale, unreachable };

struct ImageReport {
  std::string reference;
  Verdict verdict = Verdict::unknown;
  bool required = true;
  Freshness freshness = Freshness::current;
  std::string platform;      // "" = none fits
  std::string index_digest;  // "" = single manifest or not known
  std::string manifest_digest;
  std::string choice;
  PullStats pull;
  std::vector<Finding> findings;
  std::vector<SmokeResult> smoke;
  std::optional<RateLimit> rate_limit = {};  // of its registry, when that says one
  // When what has to be fetched for it will be; nothing = nothing waits.
  std::optional<std::chrono::sys_seconds> deferred_until = {};
  std::string rootfs = {};  // uppermost chain ID of what was judged; "" = not known
  friend bool operator==(const ImageReport&, const ImageReport&) = default;
};

// An operator's word that work may land, whatever is proven.
struct Override {
  std::chrono::sys_seconds since, until;
  std::string reason;
  std::uint32_t uid = 0;                   // of who gave it
  std::optional<std::uint32_t> login_uid;  // who had logged in; nothing = not known
  std::int64_t pid = 0;
  friend bool operator==(const Override&, const Override&) = default;
};

struct NodeReport {
  std::string node;
  std::chrono::system_clock::time_point time;
  std::uint64_t sequence = 0;
  Verdict verdict = Verdict::unknown;
  std::string reason;                           // worst finding's code
  std::string message;                          // "5/7 ready; ArchMismatch app:v2 (+1)"
  std::chrono::system_clock::time_point since;  // when this verdict was first reached
  Freshness freshness = Freshness::current;
  std::string agent_version;
  std::string config_digest;
  std::vector<std::pair<std::string, std::string>> labels;
  HostFacts host;
  std::vector<Finding> findings;  // about the host and the run as a whole
  std::vector<ImageReport> images;
  // What gates follows it; verdict, reason and message stay what was found.
  std::optional<Override> overridden = {};
  friend bool operator==(const NodeReport&, const NodeReport&) = default;
};

// ---- meanwhile
// ------------------------------------------------------------------------------------------------------------
enum class Phase { resolve, pull, unpack, inspect, smoke, done };

// Of the last few seconds.
struct Pace {
  std::uint64_t rate = 0;                    // bytes per second; 0 = nothing comes
  std::optional<std::chrono::seconds> left;  // at this rate; none = not known
  friend bool operator==(const Pace&, const Pace&) = default;
};

struct Progress {
  std::string image;
  Phase phase = Phase::resolve;
  std::uint64_t done = 0;   // bytes in pull, layers in unpack
  std::uint64_t total = 0;  // 0 = not known
  // In pull: how fast the image comes, and below the same of all images that are pulled together,
  // in which a shared layer counts once.
  Pace pace{};
  // Nothing has come for so long, though it is being fetched; an image that waits for its turn does
  // not stand still.
  std::chrono::seconds still{0};
  std::uint64_t all_done = 0;
  std::uint64_t all_total = 0;
  Pace all_pace{};
};

// Called from several threads.
using ProgressSink = std::function<void(const Progress&)>;

}  // namespace nodeproof
