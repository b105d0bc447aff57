// The tag and its index.
#include "agent/codes.hpp"
#include "agent/report/code_texts.hpp"

namespace nodeproof::report {
namespace {

constexpr CodeText kTexts[] = {
    {.code = code::kInvalidReference,
     .title = "The image's name cannot be read as a reference",
     .cause = "The configuration or command line holds a name that no container runtime would "
              "accept, so it can never be pulled.",
     .detection =
         "The name is read by the rules of distribution's reference grammar before anything "
         "is asked.",
     .remedy = "Write it as registry/path:tag or registry/path@sha256:<64 hex digits>; the message "
               "names the part that is wrong.",
     .example = "registry.lan/Shop/App:v2: repository names have no capitals.",
     .exact = true},
    {.code = code::kRegistryUnreachable,
     .title = "The registry did not answer",
     .cause = "Name resolution, routing, a refused connection, a TLS handshake or a deadline "
              "failed before the registry said anything about the image.",
     .detection = "The request ended without an answer: no address, connection refused, TLS or a "
                  "deadline.",
     .remedy = "Check the network, name resolution and the registry's address from this node; the "
               "next cycle asks again and resumes what was begun.",
     .example =
         "A Jetson Nano boots with a clock of 1970 and finds every certificate not yet valid "
         "(rancher/os#2848).",
     .exact = true},
    {.code = code::kRegistryUnauthorized,
     .title = "The registry refused the credentials, or wants some",
     .cause = "The image is private, the password or token is wrong or expired, or the repository "
              "does not exist (many registries do not tell these apart).",
     .detection = "The registry answered 401 or 403, also after a token was fetched anew.",
     .remedy = "The finding names where the credentials came from: mend them there (docker login, "
               "registries.yaml of k3s or RKE2, the kubelet's credential plugin), or set username "
               "and password_file for this registry in the configuration; check that the account "
               "may pull the repository.",
     .example = "Tokens that expire while a large layer is fetched end in 401 (NVIDIA/enroot#278).",
     .exact = true},
    {.code = code::kRegistryUntrusted,
     .title = "The registry's TLS certificate is not trusted",
     .cause = "The certificate is signed by an authority this node does not know, is issued for "
              "another name, or is outside its dates (a wrong clock counts too).",
     .detection = "The TLS library refused the certificate and said why.",
     .remedy = "Name the authority's PEM file as \"ca\" of this registry in the configuration, and "
               "check this node's clock.",
     .example =
         "At the first boot of a Raspberry Pi its clock is months behind, and the certificate "
         "is not yet valid (GladysAssistant/Gladys#3058).",
     .exact = true},
    {.code = code::kRegistryThrottled,
     .title = "The registry limits the rate of requests",
     .cause = "Too many pulls came from this address or account in the registry's time window.",
     .detection = "The registry answered 429 and, mostly, how long to wait (Retry-After).",
     .remedy = "Wait, log in for a higher limit, or pull through a mirror.",
     .example = "Clients that repeat a 429 at once keep a fleet throttled "
                "(containerd/containerd#10447).",
     .exact = true},
    {.code = code::kRegistryError,
     .title = "The registry answered with an error",
     .cause = "The registry or a proxy before it failed (5xx), broke off a transfer or broke the "
              "distribution protocol.",
     .detection = "The registry answered 5xx, or fewer bytes than it had announced.",
     .remedy = "Look at the registry's own log for the time of the message; the next cycle tries "
               "again.",
     .example = "Slow readers get layers that are cut off at multiples of 8 MiB "
                "(microsoft/containerregistry#196).",
     .exact = true},
    {.code = code::kNotARegistry,
     .title = "What answers at this address is not a registry",
     .cause = "A web page, a captive portal or another service answered instead of the registry's "
              "API.",
     .detection = "The answer is HTML, or lacks what the registry API demands.",
     .remedy = "Check the registry's name and port, and whether a portal or proxy stands between "
               "this node and the registry.",
     .example = "An HTML page was taken for a manifest (containerd/containerd#7400).",
     .exact = true},
    {.code = code::kImageNotFound,
     .title = "The registry has no such image",
     .cause = "The repository or tag does not exist in this registry: never pushed, deleted, or "
              "misspelt.",
     .detection = "The registry answered 404 for the manifest of that name.",
     .remedy = "Check the spelling and push the image, or require a tag that exists.",
     .example = "A tag that a pipeline wrote as v2.1 is required as 2.1.",
     .exact = true},
    {.code = code::kIndexDamaged,
     .title = "The tag names content that the registry no longer has or that breaks the "
              "specification",
     .cause = "A child manifest, config or layer was deleted (often by a garbage collection that "
              "did not know the index), or a document under the tag is not valid.",
     .detection =
         "Every document that the tag names was asked for; one is not there, or is no valid "
         "one.",
     .remedy = "Push the image again with all its platforms.",
     .example = "registry:2's garbage collection deletes the children of an index that has a tag "
                "(distribution/distribution#3178).",
     .exact = true},
    {.code = code::kPlatformMissing,
     .title = "The image is not offered for this node's platform",
     .cause = "None of the index's entries fits this node by containerd's own platform rules.",
     .detection =
         "The entries were compared with this node as its containerd version compares them.",
     .remedy =
         "Build and push the image for this platform, or require it only on nodes it is built "
         "for (\"when\").",
     .example =
         "An index with an entry for the bogus variant \"armv8\" alone (docker/for-linux#434).",
     .exact = true},
    {.code = code::kTagMoved,
     .title = "The tag names another image than before",
     .cause = "On a node: somebody pushed the tag again since it was proven here, and what is "
              "proven stays in place. In inspect and index: somebody pushed it while it was looked "
              "at or changed.",
     .detection = "The tag's digest in the registry is another than the proven one.",
     .remedy = "On a node, set on_tag_moved to prove or follow to take the new one, or require the "
               "image by digest. Else run the command again, and let one job alone push the tag.",
     .example = "Two pipelines push one tag at a time, and what is merged is anybody's guess "
                "(ClickHouse/ClickHouse#41568).",
     .exact = true},
    {.code = code::kPollingPaused,
     .title = "The registry has few requests left for this node",
     .cause = "Less than a fifth of the registry's rate limit is left, or it answered 429. Tags of "
              "images that are proven here are not asked for until its window has passed; no "
              "verdict depends on that.",
     .detection = "The registry's RateLimit headers, or an answer of 429.",
     .remedy = "Nothing has to be done. To be told of moved tags sooner, log in (registries allow "
               "more requests to accounts), or use a mirror.",
     .example = "Docker Hub allows an address 100 pulls in six hours without login.",
     .exact = true},
    {.code = code::kProofStale,
     .title = "The registry has been silent for longer than the configuration allows",
     .cause = "stale_after is set, and in that time the image's registry has not said what the tag "
              "names. What is on this disk is as it was proven; whether it is still what the tag "
              "means is not known.",
     .detection = "The time of the registry's last answer about the tag, kept with the proof, "
                  "beside this node's clock. Images required by digest are never stale.",
     .remedy = "Make the registry reachable again. To let a proof stand for ever, which is the "
               "default, take stale_after out of the configuration.",
     .example = "A site whose uplink is down for a month, with a rule that nothing older than two "
                "weeks may be started.",
     .exact = true},
    {.code = code::kPlatformLost,
     .title = "The tag would lose a platform",
     .cause = "What was to be written holds no entry for a platform that the tag has now, so nodes "
              "of that platform could no longer pull it.",
     .detection = "The platforms of the tag now and of what is to be written were compared.",
     .remedy = "Give a source for the platform (a tag or repository@digest), or agree to the loss "
               "with --drop PLATFORM.",
     .example = "A second job pushes amd64 alone over the tag of both "
                "(Strike48-public/kubestudio#52).",
     .exact = true},
    {.code = code::kPlatformAmbiguous,
     .title = "Two different images for one platform",
     .cause = "Two sources, or the tag itself, list different manifests for the same normalised "
              "platform. Container runtimes silently take the first.",
     .detection = "Two entries have the same platform after containerd's normalisation, and other "
                  "digests.",
     .remedy = "Give one source per platform, or keep both with --keep-duplicates.",
     .example =
         "An index with two entries for arm/v6 and v7 that both read as v7 (moby/moby#38175).",
     .exact = true},
    {.code = code::kRevisionsDiffer,
     .title = "The platforms were not built from one revision",
     .cause = "The label org.opencontainers.image.revision differs between the platforms, or one "
              "of them has none: one tag would hold two versions of the code.",
     .detection = "The labels org.opencontainers.image.revision of all platforms were compared.",
     .remedy = "Build the missing platform from the same revision, or merge without "
               "--require-same-revision.",
     .example = "One architecture's build fails, and the merge takes last week's image for it.",
     .exact = true},
    {.code = code::kMixedMediaTypes,
     .title = "An OCI index over Docker manifests",
     .cause = "The platforms were exported with different media types. A manifest cannot be "
              "converted without changing its digest, and some registries and runtimes refuse the "
              "mix.",
     .detection = "The index's media type and those of its entries belong to different families.",
     .remedy = "Build all platforms with the same exporter setting (docker buildx: "
               "oci-mediatypes=true).",
     .example = "Quay refuses Docker manifests in an OCI index (openshift/oc-mirror#253).",
     .exact = false},
    {.code = code::kTagNotDeletable,
     .title = "The registry cannot delete a tag alone",
     .cause = "It deletes manifests by digest, which would take the image that the merged tag now "
              "holds, or it could not show that it does otherwise. registry:2 is one of these.",
     .detection = "The registry refused to delete by tag, or did not say that it can.",
     .remedy =
         "Leave the staging tag, let it be overwritten by the next build, or delete it by the "
         "registry's own means.",
     .example = "registry:2 deletes by digest alone.",
     .exact = true},
    {.code = code::kReferrersNotCopied,
     .title = "What is attached to a copied image stayed where it was",
     .cause = "Signatures, SBOMs and other artifacts that refer to an image are kept beside it in "
              "its repository (cosign's tags, the referrers tag), and not in its index: a merge "
              "from another repository copies the image and what its index names.",
     .detection = "The source's repository has tags or referrers that name the copied digest.",
     .remedy = "Copy them too (cosign copy, oras copy -r, skopeo copy of the named tag), or sign "
               "the merged image.",
     .example = "cosign keeps a signature as the tag sha256-....sig beside the image.",
     .exact = true},
    {.code = code::kVariantsDiverge,
     .title = "The platforms of one tag are not builds of the same thing",
     .cause = "A merge kept an old variant of one architecture beside a new one of another, or the "
              "builds of the platforms have drifted apart: revision, version, start command, user "
              "or ports differ, or several weaker signs come together (environment, dates, sizes).",
     .detection = "Labels, commands, users, ports, dates and sizes of the platforms were compared.",
     .remedy =
         "Build all platforms from one revision and push them as one index; the message names "
         "each difference with both values.",
     .example = "An arm64 entry that is a year older than the amd64 one beside it.",
     .exact = false},
};

}  // namespace

std::span<const CodeText> tag_texts() { return kTexts; }

}  // namespace nodeproof::report
