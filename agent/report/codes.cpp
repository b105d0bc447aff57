#include "agent/report/codes.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "agent/codes.hpp"
#include "common/text.hpp"

namespace nodeproof::report {
namespace {

constexpr CodeText kTexts[] = {
    {code::kInvalidReference, "The image's name cannot be read as a reference",
     "The configuration or command line holds a name that no container runtime would accept, so it "
     "can never be pulled.",
     "Write it as registry/path:tag or registry/path@sha256:<64 hex digits>; the message names the "
     "part that is wrong.",
     true},
    {code::kRegistryUnreachable, "The registry did not answer",
     "Name resolution, routing, a refused connection, a TLS handshake or a deadline failed before "
     "the registry said anything about the image.",
     "Check the network, name resolution and the registry's address from this node; the next cycle "
     "asks again and resumes what was begun.",
     true},
    {code::kRegistryUnauthorized, "The registry refused the credentials, or wants some",
     "The image is private, the password or token is wrong or expired, or the repository does not "
     "exist (many registries do not tell these apart).",
     "The finding names where the credentials came from: mend them there (docker login, "
     "registries.yaml of k3s or RKE2, the kubelet's credential plugin), or set username and "
     "password_file for this registry in the configuration; check that the account may pull the "
     "repository.",
     true},
    {code::kRegistryUntrusted, "The registry's TLS certificate is not trusted",
     "The certificate is signed by an authority this node does not know, is issued for another "
     "name, or is outside its dates (a wrong clock counts too).",
     "Name the authority's PEM file as \"ca\" of this registry in the configuration, and check "
     "this node's clock.",
     true},
    {code::kRegistryThrottled, "The registry limits the rate of requests",
     "Too many pulls came from this address or account in the registry's time window.",
     "Wait, log in for a higher limit, or pull through a mirror.", true},
    {code::kRegistryError, "The registry answered with an error",
     "The registry or a proxy before it failed (5xx), broke off a transfer or broke the "
     "distribution protocol.",
     "Look at the registry's own log for the time of the message; the next cycle tries again.",
     true},
    {code::kNotARegistry, "What answers at this address is not a registry",
     "A web page, a captive portal or another service answered instead of the registry's API.",
     "Check the registry's name and port, and whether a portal or proxy stands between this node "
     "and the registry.",
     true},
    {code::kImageNotFound, "The registry has no such image",
     "The repository or tag does not exist in this registry: never pushed, deleted, or misspelt.",
     "Check the spelling and push the image, or require a tag that exists.", true},
    {code::kIndexDamaged,
     "The tag names content that the registry no longer has or that breaks the specification",
     "A child manifest, config or layer was deleted (often by a garbage collection that did not "
     "know the index), or a document under the tag is not valid.",
     "Push the image again with all its platforms.", true},
    {code::kPlatformMissing, "The image is not offered for this node's platform",
     "None of the index's entries fits this node by containerd's own platform rules.",
     "Build and push the image for this platform, or require it only on nodes it is built for "
     "(\"when\").",
     true},
    {code::kTagMoved, "The tag names another image than before",
     "On a node: somebody pushed the tag again since it was proven here, and what is proven stays "
     "in place. In inspect and index: somebody pushed it while it was looked at or changed.",
     "On a node, set on_tag_moved to prove or follow to take the new one, or require the image by "
     "digest. Else run the command again, and let one job alone push the tag.",
     true},
    {code::kPollingPaused, "The registry has few requests left for this node",
     "Less than a fifth of the registry's rate limit is left, or it answered 429. Tags of images "
     "that "
     "are proven here are not asked for until its window has passed; no verdict depends on that.",
     "Nothing has to be done. To be told of moved tags sooner, log in (registries allow more "
     "requests "
     "to accounts), or use a mirror.",
     true},
    {code::kPlatformLost, "The tag would lose a platform",
     "What was to be written holds no entry for a platform that the tag has now, so nodes of that "
     "platform could no longer pull it.",
     "Give a source for the platform (a tag or repository@digest), or agree to the loss with "
     "--drop PLATFORM.",
     true},
    {code::kPlatformAmbiguous, "Two different images for one platform",
     "Two sources, or the tag itself, list different manifests for the same normalised platform. "
     "Container runtimes silently take the first.",
     "Give one source per platform, or keep both with --keep-duplicates.", true},
    {code::kRevisionsDiffer, "The platforms were not built from one revision",
     "The label org.opencontainers.image.revision differs between the platforms, or one of them "
     "has none: one tag would hold two versions of the code.",
     "Build the missing platform from the same revision, or merge without "
     "--require-same-revision.",
     true},
    {code::kMixedMediaTypes, "An OCI index over Docker manifests",
     "The platforms were exported with different media types. A manifest cannot be converted "
     "without changing its digest, and some registries and runtimes refuse the mix.",
     "Build all platforms with the same exporter setting (docker buildx: oci-mediatypes=true).",
     false},
    {code::kTagNotDeletable, "The registry cannot delete a tag alone",
     "It deletes manifests by digest, which would take the image that the merged tag now holds, or "
     "it could not show that it does otherwise. registry:2 is one of these.",
     "Leave the staging tag, let it be overwritten by the next build, or delete it by the "
     "registry's own means.",
     true},
    {code::kReferrersNotCopied, "What is attached to a copied image stayed where it was",
     "Signatures, SBOMs and other artifacts that refer to an image are kept beside it in its "
     "repository (cosign's tags, the referrers tag), and not in its index: a merge from another "
     "repository copies the image and what its index names.",
     "Copy them too (cosign copy, oras copy -r, skopeo copy of the named tag), or sign the merged "
     "image.",
     true},
    {code::kVariantsDiverge, "The platforms of one tag are not builds of the same thing",
     "A merge kept an old variant of one architecture beside a new one of another, or the builds "
     "of the platforms have drifted apart: revision, version, start command, user or ports differ, "
     "or several weaker signs come together (environment, dates, sizes).",
     "Build all platforms from one revision and push them as one index; the message names each "
     "difference with both values.",
     false},
    {code::kContentCorrupt, "The bytes do not hash to their digest",
     "A manifest, config or layer was damaged or exchanged in the registry, in a cache or proxy on "
     "the way, or on this node's disk.",
     "Push the image again; if other images fail alike, suspect the proxy, the memory or the disk.",
     true},
    {code::kLayerCorrupt, "A layer cannot be unpacked",
     "The layer's compressed stream or its tar archive is broken although it hashes to its digest: "
     "it was pushed broken.",
     "Rebuild the layer and push the image again.", true},
    {code::kFileCorrupt, "A file on this node's disk is not the one in the layer",
     "After unpacking, the file was cut off, emptied or changed, usually by a power cut before it "
     "reached the disk.",
     "Remove the image and its snapshots from containerd and pull again; a pull alone does not "
     "repair unpacked files.",
     true},
    {code::kArchMismatch, "A program in the image is built for another processor",
     "The image was assembled with a binary, base image or helper of the build machine's "
     "architecture.",
     "Rebuild the named file for this platform: check FROM --platform, GOARCH, and binaries that "
     "are downloaded or copied in.",
     true},
    {code::kPlatformMismatch, "Index, image config and programs disagree about the platform",
     "The image was labelled by hand or merged from builds of different platforms; container "
     "runtimes believe the label unseen.",
     "Rebuild the image so that its index entry, its config and its programs name the same "
     "platform.",
     true},
    {code::kLoaderMissing, "The program's loader is not in the image",
     "A dynamically linked program names an interpreter (PT_INTERP) that the image lacks, as glibc "
     "programs on Alpine do; starting it says \"no such file or directory\".",
     "Link the program statically or use a base image with the same C library.", true},
    {code::kLibraryMissing, "A shared library the program needs is not in the image",
     "A name in DT_NEEDED is found neither in the image's library folders nor in its ld.so "
     "configuration.",
     "Install the library in the image, or rebuild the program against what is there.", true},
    {code::kEntrypointMissing, "The image's start command does not exist in the image",
     "The first word of entrypoint or cmd is no file in the image, not found in its PATH, or not "
     "executable.",
     "Correct ENTRYPOINT or CMD, or add the file (and its x bit) to the image.", true},
    {code::kInspectionIncomplete, "The image could not be inspected wholly",
     "A layer or file is beyond a limit of the inspection, or its format is not understood, so "
     "nothing is said about it.",
     "See the evidence for what was left out.", true},
    {code::kWouldRunEmulated, "The image would run, but under an emulator",
     "A binfmt_misc handler on this node takes programs of the image's architecture and runs them "
     "many times slower, with subtle differences.",
     "Use an image for this platform; set the image's emulation to warn or allow if the emulator "
     "is meant.",
     true},
    {code::kSmokeFailed, "A test in the container failed",
     "The program did not start, ended by a signal, took too long, or its exit status or output "
     "was not the expected one.",
     "See the evidence; run the same arguments by hand in the image.", true},
    {code::kMissingIsaExtension, "The program uses instructions this processor lacks",
     "It was built for a newer processor (LSE atomics, SVE, AVX, x86-64-v3 ...) and died of SIGILL "
     "here, or its loader refused this processor.",
     "Rebuild it for the processor's baseline, or require it only on nodes that have the "
     "extension.",
     true},
    {code::kSmokeNotRun, "The tests in the container could not be run",
     "containerd or the kernel refused to make the container, so nothing is known about how the "
     "image runs.",
     "See the message; `ctr run` of the same image shows containerd's own error.", true},
    {code::kNotExecuted, "Nothing of the image was executed",
     "No test is declared for it; its program is static, so that there is no loader to try, or "
     "require_smoke asks for more than the loader's dry run.",
     "Declare a smoke test, such as the program's --version.", true},
    {code::kContainerdUnavailable, "containerd cannot be reached",
     "It is not running, its socket is elsewhere, or it did not answer in time.",
     "Start containerd, or name its socket as containerd.address in the configuration.", true},
    {code::kPermissionDenied, "This node refuses access",
     "nodeproof may not open containerd's socket, a file or a directory it needs.",
     "Run it as root or as the service; check the owner and mode of what the message names.", true},
    {code::kNoSpace, "There is not enough room on a disk",
     "The file system of containerd's content or snapshots, or of nodeproof's state, has no room "
     "for the image, or would not keep free what it should (pull.keep_free; else the larger of 20 "
     "% "
     "and 2 GB, more where a kubelet's marks for deleting images and evicting pods are higher). "
     "That is reckoned before a byte is fetched: a layer that was never read counts four times its "
     "packed size when it is unpacked.",
     "Free space, enlarge the file system, or set pull.keep_free; nothing half-written is left "
     "behind. nodeproof plan shows what is needed.",
     true},
    {code::kPullFailed, "The image could not be put into containerd",
     "containerd failed to store, unpack or name a part of the image.",
     "See the message and containerd's log; the next cycle resumes what was begun.", true},
    {code::kPreloadBypassesPullSecrets, "Every pod on this node may use a private image",
     "nodeproof fetched the image with a login of its own. A kubelet (from Kubernetes 1.35 on, or "
     "with KubeletEnsureSecretPulledImages) keeps a record of what its own pulls were allowed to "
     "use; nodeproof writes none, so that to the kubelet the image is a preloaded one, which its "
     "default policy gives to pods without any pull secret.",
     "Nothing has to be done where all pods of a node may have its images. Else set the kubelet's "
     "imagePullCredentialsVerificationPolicy to AlwaysVerify: it then asks the registry once for "
     "each pull secret, also for images that are here.",
     false},
    {code::kPullDeferred, "The image is not fetched yet",
     "It is outside of pull.windows, or this node's share of pull.start_jitter is not over. What "
     "is proven here stands meanwhile; only images that are not required, or that have a proven "
     "version here, wait.",
     "Nothing has to be done: the finding says when it is fetched. nodeproof check by hand fetches "
     "it at once.",
     true},
    {code::kUserlandBitness, "The userland is narrower than the kernel",
     "A 32-bit system runs on a 64-bit kernel, as older Raspberry Pi OS does: uname promises "
     "arm64, its containerd takes arm images.",
     "Install the 64-bit system, or provide images for the userland's platform.", false},
    {code::kMemoryCgroupMissing, "The kernel runs without the memory cgroup",
     "It was switched off on the kernel's command line; Raspberry Pi firmware does that by itself. "
     "Memory limits are then ignored and k3s refuses to start.",
     "Append \"cgroup_enable=memory cgroup_memory=1\" to the kernel's command line (Raspberry Pi "
     "OS: /boot/firmware/cmdline.txt) and reboot.",
     true},
    {code::kNothingRequired, "No image is required on this node",
     "The configuration names no image, or none whose condition (\"when\") fits this node; so "
     "nothing is proven.",
     "Add images to /etc/nodeproof/nodeproof.json or a file in conf.d.", true},
    {code::kNotChecked, "No check has ended yet",
     "The service has just started on this boot and its first check is still running, or a check "
     "could not begin.",
     "Wait for it to end (nodeproof wait), or see the message.", true},
    {code::kCycleCrashed, "A check ended without a report",
     "The process that ran the cycle crashed, was killed (out of memory?) or wrote something that "
     "is no report.",
     "See the service's journal; what was proven before still stands, and the next cycle tries "
     "again.",
     true},
    {code::kConfigInvalid, "The configuration has an error",
     "It names an unknown key, a wrong type or an impossible value; the last good copy is in use.",
     "Run nodeproof config check; it names file, line and JSON path.", true},
    {code::kInterrupted, "The check was interrupted",
     "It was asked to stop before this image was judged.",
     "Run it again; what was fetched for the configuration's images is kept.", true},
};

constexpr std::size_t kWidth = 96;  // columns
constexpr std::size_t kIndent = 9;

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

void paragraph(std::string& out, std::string_view label, std::string_view text) {
  out.append(label).append(kIndent - label.size(), ' ').append(wrapped(text, kIndent, kWidth));
  out += '\n';
}

}  // namespace

std::span<const CodeText> code_texts() { return kTexts; }

const CodeText* find_code(std::string_view code) {
  const auto* found = std::ranges::find_if(
      kTexts, [&](const CodeText& text) { return same_word(text.code, code); });
  return found == std::end(kTexts) ? nullptr : found;
}

std::string explain(const CodeText& text) {
  std::string out = std::string(text.code) + ": " + std::string(text.title) + "\n\n";
  paragraph(out, "Cause", text.cause);
  paragraph(out, "Remedy", text.remedy);
  paragraph(
      out, "Rule",
      text.exact ? "exact, or observed on this node" : "heuristic: never more than a warning");
  return out;
}

}  // namespace nodeproof::report
