// containerd, the host and the check itself.
#include "agent/codes.hpp"
#include "agent/report/code_texts.hpp"

namespace nodeproof::report {
namespace {

constexpr CodeText kTexts[] = {
    {.code = code::kContainerdUnavailable,
     .title = "containerd cannot be reached",
     .cause = "It is not running, its socket is elsewhere, or it did not answer in time.",
     .detection =
         "containerd's socket could not be opened, or it did not answer within its deadline.",
     .remedy = "Start containerd, or name its socket as containerd.address in the configuration.",
     .example = "Pulls go to a containerd that the cluster does not use (k3s-io/k3s#11150).",
     .exact = true},
    {.code = code::kPermissionDenied,
     .title = "This node refuses access",
     .cause = "nodeproof may not open containerd's socket, a file or a directory it needs.",
     .detection = "The kernel answered EACCES or EPERM.",
     .remedy = "Run it as root or as the service; check the owner and mode of what the message "
               "names.",
     .example = "nodeproof check without root: the socket belongs to root.",
     .exact = true},
    {.code = code::kNoSpace,
     .title = "There is not enough room on a disk",
     .cause = "The file system of containerd's content or snapshots, or of nodeproof's state, has "
              "no room for the image, or would not keep free what it should (pull.keep_free; else "
              "the larger of 20 % and 2 GB, more where a kubelet's marks for deleting images and "
              "evicting pods are higher). That is reckoned before a byte is fetched: a layer that "
              "was never read counts four times its packed size when it is unpacked.",
     .detection =
         "What an image needs was reckoned against the free room of containerd's disks, or a "
         "write ended in ENOSPC.",
     .remedy =
         "Free space, enlarge the file system, or set pull.keep_free; nothing half-written is "
         "left behind. nodeproof plan shows what is needed.",
     .example = "A 16 GB card holds the old and not also the new version of an image.",
     .exact = true},
    {.code = code::kPullFailed,
     .title = "The image could not be put into containerd",
     .cause = "containerd failed to store, unpack or name a part of the image.",
     .detection = "containerd answered with an error while content was stored, unpacked or named.",
     .remedy = "See the message and containerd's log; the next cycle resumes what was begun.",
     .example = "Two unpack one layer at once: \"snapshot already exists\" "
                "(containerd/containerd#1041).",
     .exact = true},
    {.code = code::kPreloadBypassesPullSecrets,
     .title = "Every pod on this node may use a private image",
     .cause = "nodeproof fetched the image with a login of its own. A kubelet (from Kubernetes "
              "1.35 on, or with KubeletEnsureSecretPulledImages) keeps a record of what its own "
              "pulls were allowed to use; nodeproof writes none, so that to the kubelet the image "
              "is a preloaded one, which its default policy gives to pods without any pull secret.",
     .detection = "The image came with credentials, and the kubelet's policy is one that believes "
                  "preloaded images.",
     .remedy = "Nothing has to be done where all pods of a node may have its images. Else set the "
               "kubelet's imagePullCredentialsVerificationPolicy to AlwaysVerify: it then asks the "
               "registry once for each pull secret, also for images that are here.",
     .example = "A node that serves two teams, one of which has no access to the other's registry.",
     .exact = false},
    {.code = code::kPullDeferred,
     .title = "The image is not fetched yet",
     .cause = "It is outside of pull.windows, or this node's share of pull.start_jitter is not "
              "over. What is proven here stands meanwhile; only images that are not required, or "
              "that have a proven version here, wait.",
     .detection = "The clock was compared with pull.windows and pull.start_jitter.",
     .remedy = "Nothing has to be done: the finding says when it is fetched. nodeproof check by "
               "hand fetches it at once.",
     .example = "A fleet on metered links that pulls between two and five in the morning.",
     .exact = true},
    {.code = code::kUserlandBitness,
     .title = "The userland is narrower than the kernel",
     .cause = "A 32-bit system runs on a 64-bit kernel, as older Raspberry Pi OS does: uname "
              "promises arm64, its containerd takes arm images.",
     .detection = "The kernel's width and the class of the executable of process 1 differ.",
     .remedy = "Install the 64-bit system, or provide images for the userland's platform.",
     .example = "Raspberry Pi OS (32-bit) on a 64-bit kernel: \"no matching manifest for "
                "linux/arm/v8\" (Screenly/Anthias#3076).",
     .exact = false},
    {.code = code::kMemoryCgroupMissing,
     .title = "The kernel runs without the memory cgroup",
     .cause = "It was switched off on the kernel's command line; Raspberry Pi firmware does that "
              "by itself. Memory limits are then ignored and k3s refuses to start.",
     .detection =
         "The list of cgroup controllers (cgroup.controllers, /proc/cgroups) lacks memory.",
     .remedy = "Append \"cgroup_enable=memory cgroup_memory=1\" to the kernel's command line "
               "(Raspberry Pi OS: /boot/firmware/cmdline.txt) and reboot.",
     .example = "k3s does not start on a fresh Raspberry Pi OS (k3s-io/k3s#2067, "
                "raspberrypi/linux#5933).",
     .exact = true},
    {.code = code::kNothingRequired,
     .title = "No image is required on this node",
     .cause = "The configuration names no image, or none whose condition (\"when\") fits this "
              "node; so nothing is proven.",
     .detection = "The configuration was read, and no entry of images applies here.",
     .remedy = "Add images to /etc/nodeproof/nodeproof.json or a file in conf.d.",
     .example = "A condition names the board \"Raspberry Pi 5\" and the node is a Pi 4.",
     .exact = true},
    {.code = code::kImagesNotKnown,
     .title = "What must run here is not wholly known",
     .cause = "A place that images_from names could not be read: a folder that is not there, a "
              "static pod's manifest or a file of images with a fault, an API server that does not "
              "answer or does not allow the question.",
     .detection = "Each of these places is read at every check. Where the API server cannot be "
                  "asked, what it named last stands (a warning); where it was never asked, and for "
                  "everything else, nothing is known and so the node is not ready.",
     .remedy = "Mend what the message names, or take it out of images_from.",
     .example = "A half-saved manifest in /etc/kubernetes/manifests.",
     .exact = true},
    {.code = code::kRequiredBy,
     .title = "Who needs this image",
     .cause = "The configuration names a place (images_from) in which the image stands.",
     .detection = "The image was found in a static pod's manifest, a file of images, a pod of this "
                  "node or a DaemonSet.",
     .remedy = "Nothing has to be done; name it in images to declare its tests.",
     .example = "kube-proxy's image, of the DaemonSet in kube-system.",
     .exact = true},
    {.code = code::kNotChecked,
     .title = "No check has ended yet",
     .cause = "The service has just started on this boot and its first check is still running, or "
              "a check could not begin.",
     .detection = "There is no report of this boot yet.",
     .remedy = "Wait for it to end (nodeproof wait), or see the message.",
     .example = "nodeproof status in the first seconds after the start.",
     .exact = true},
    {.code = code::kCycleCrashed,
     .title = "A check ended without a report",
     .cause = "The process that ran the cycle crashed, was killed (out of memory?) or wrote "
              "something that is no report.",
     .detection = "The child process that runs a check ended without a whole report on its pipe.",
     .remedy = "See the service's journal; what was proven before still stands, and the next cycle "
               "tries again.",
     .example = "The kernel killed it for want of memory on a board of 512 MB.",
     .exact = true},
    {.code = code::kStateNotKept,
     .title = "The state directory takes nothing",
     .cause = "Its file system is full, was remounted read-only after an error, or is broken. The "
              "service goes on in memory: what is proven stays proven, but a restart may have to "
              "look again, and what is proven now may have to be proven once more.",
     .detection =
         "The daemon could not write its report, the copy of its configuration or the mark "
         "of its stop.",
     .remedy = "Free space on the file system of /var/lib/nodeproof, or see the kernel's log for "
               "why it is read-only (dmesg).",
     .example = "An SD card at its end: ext4 remounts read-only (errors=remount-ro).",
     .exact = true},
    {.code = code::kCertificateExpiring,
     .title = "A certificate of the configuration ends soon",
     .cause =
         "A client certificate by which this node is let in, or the authority by which it "
         "believes a registry or a receiver of its reports, ends within 30 days, or has ended.",
     .detection = "notAfter of the PEM files that registries and report name, against this host's "
                  "clock: 30 days, 7 days and 1 day before, and behind it. Authorities only where "
                  "their file holds one certificate.",
     .remedy =
         "Renew it, and write it over the file: it is read anew each time. How long it has is "
         "in openssl x509 -enddate -noout -in FILE.",
     .example = "A fleet whose client certificates were all made on one day falls silent on "
                "another.",
     .exact = true},
    {.code = code::kAcceptanceEnded,
     .title = "A finding is accepted no longer",
     .cause = "An entry of \"accept\" in the configuration has an end, and its last day is over: "
              "its findings count again.",
     .detection = "The entry's \"until\" beside this node's clock, in UTC.",
     .remedy = "Mend what was accepted and remove the entry, or give it a later day.",
     .example = "An importer for 4 KiB pages was to be replaced by January, and was not.",
     .exact = true},
    {.code = code::kConfigInvalid,
     .title = "The configuration has an error",
     .cause = "It names an unknown key, a wrong type or an impossible value; the last good copy is "
              "in use.",
     .detection = "The configuration was read strictly: every key and type is known.",
     .remedy = "Run nodeproof config check; it names file, line and JSON path.",
     .example = "\"imagess\" instead of \"images\".",
     .exact = true},
    {.code = code::kInterrupted,
     .title = "The check was interrupted",
     .cause = "It was asked to stop before this image was judged.",
     .detection = "A signal or a stop reached the check before this image's turn was over.",
     .remedy = "Run it again; what was fetched for the configuration's images is kept.",
     .example = "systemctl stop while images are pulled.",
     .exact = true},
    {.code = code::kOverridden,
     .title = "An operator has overridden the verdict",
     .cause = "Somebody ran nodeproof override --ready. Until it ends the ready flag, nodeproof "
              "wait and exit codes say ready; the verdict stays what was found "
              "(effectiveVerdict beside verdict in JSON).",
     .detection = "override.json in the state directory, of this boot, whose time is not over on "
                  "the wall clock nor on the one that counts from the boot on.",
     .remedy = "Mend what the verdict names, then end it: nodeproof override --clear. It ends by "
               "itself at its time, and with the boot; override.log in the state directory says "
               "who gave it.",
     .example = "A registry moves, the new image is known to be good, and pods must land tonight.",
     .exact = true},
    {.code = code::kInUseNotRequired,
     .title = "Containers run of an image that nobody required",
     .cause = "No entry of images names what they run, so that nothing is proven of it; or they "
              "run other bytes than the required ones under the same name, such as the tag's "
              "older image.",
     .detection = "The parents of running containers' snapshots, which are what they really run, "
                  "were compared with the images of the configuration. Pod sandboxes are left "
                  "out.",
     .remedy = "Nothing has to be done. Name the image in the configuration if the node needs it; "
               "restart the containers if they shall run the proven one.",
     .example = "A tag has moved and was followed, and pods of yesterday still run the old image.",
     .exact = true},
    {.code = code::kRequiredNotUsed,
     .title = "No container uses a required image",
     .cause = "The image has been ready here for a day, other pods run, and no container, running "
              "or ended, is of it. Many images are for later, so this is never more than a "
              "remark.",
     .detection = "Where a kubelet starts containers: the parents of all containers' snapshots "
                  "were compared with the image.",
     .remedy = "Nothing has to be done; remove it from the configuration if the node does not need "
               "it any more.",
     .example = "A service was moved to other nodes, and its image is still required on this one.",
     .exact = true},
};

}  // namespace

std::span<const CodeText> node_texts() { return kTexts; }

}  // namespace nodeproof::report
