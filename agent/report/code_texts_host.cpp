// What the host's doctor finds.
#include "agent/codes.hpp"
#include "agent/report/code_texts.hpp"

namespace nodeproof::report {
namespace {

constexpr CodeText kTexts[] = {
    {.code = code::kClockWrong,
     .title = "The clock is wrong",
     .cause = "A board without a battery, started without a network, begins in 1970 or at its last "
              "shutdown. Registries' certificates are then \"not yet valid\".",
     .detection = "The host's date is before the year this program was made in.",
     .remedy = "Let it be set over the network (timedatectl set-ntp true, or chrony), or give the "
               "board a clock with a battery.",
     .example =
         "x509 \"not yet valid\" at boot: GladysAssistant/Gladys#3058, rancher/os#2848 (on a "
         "Jetson Nano).",
     .exact = true},
    {.code = code::kClockNotSynchronised,
     .title = "Nothing keeps the clock right",
     .cause = "No time service corrects the kernel's clock.",
     .detection = "STA_UNSYNC of adjtimex(2). Not looked at in virtual machines, whose clocks may "
                  "follow their host's unseen.",
     .remedy = "Switch a time service on: timedatectl set-ntp true (systemd-timesyncd), or install "
               "chrony.",
     .example = "A site without the Internet whose router gives no NTP server by DHCP.",
     .exact = true},
    {.code = code::kKernelFeatureMissing,
     .title = "The kernel lacks a feature that is required of it",
     .cause =
         "host.kernel.require names a feature that is neither loaded nor built in nor a module "
         "of this kernel; or it could not be told. As a warning: overlay is missing, which "
         "containerd's snapshotter overlayfs needs.",
     .detection = "/sys/module, /proc/filesystems, modules.dep, modules.builtin, the kernel's "
                  "configuration, /sys/kernel/btf/vmlinux.",
     .remedy =
         "Install the package with the kernel's other modules (Ubuntu: "
         "linux-modules-extra-...), reboot after a kernel's upgrade, or boot a kernel that has "
         "it.",
     .example = "No vxlan on a Raspberry Pi's Ubuntu: flannel-io/flannel#1502, k3s-io/k3s#4234.",
     .exact = true},
    {.code = code::kContainerdWaitsForReady,
     .title = "containerd is ordered behind nodeproof",
     .cause =
         "A unit that starts containerd, such as k3s.service, waits for nodeproof-ready.target, "
         "or calls nodeproof wait, directly or by way of other units. nodeproof asks that very "
         "containerd: neither comes up.",
     .detection = "The unit files and drop-ins of containerd, k3s, RKE2, MicroK8s and k0s are "
                  "followed through After=, Before= and what targets want.",
     .remedy =
         "Take the ordering away. Let the units of the workload wait, and hold pods back by a "
         "taint of yours that goes when nodeproof wait ends.",
     .example =
         "A drop-in k3s.service.d/wait.conf with After=nodeproof-ready.target, meant to keep "
         "pods away until all is proven.",
     .exact = true},
    {.code = code::kCgroupDriverMismatch,
     .title = "Kubelet and containerd manage cgroups differently",
     .cause =
         "Two managers of one tree: pods lose their limits or do not start under load. As info: "
         "both use cgroupfs beside systemd on cgroup v2, or containerd 2.x tells a kubelet from "
         "Kubernetes 1.31 on its own driver.",
     .detection = "The kubelet's cgroupDriver and the SystemdCgroup of containerd's runc differ.",
     .remedy =
         "Set cgroupDriver: systemd in the kubelet's configuration and SystemdCgroup = true in "
         "containerd's config.toml, and restart both.",
     .example = "kubeadm's default (systemd) with a config.toml of containerd 1.6 that was never "
                "changed (cgroupfs).",
     .exact = true},
    {.code = code::kDeviceFileMissing,
     .title = "A file that containers with a device would get is not there",
     .cause =
         "A driver's update removed what a CDI specification mounts; a container that asks for "
         "the device does not start. As info: a CSV list of the NVIDIA container runtime on a "
         "Jetson names libraries that are not installed, which it leaves out.",
     .detection = "The host paths of /etc/cdi, /var/run/cdi and "
                  "/etc/nvidia-container-runtime/host-files-for-container.d were looked up.",
     .remedy =
         "Make the specification anew (nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml), "
         "or install what brings the file.",
     .example = "NVIDIA/nvidia-container-toolkit#231: lists of another JetPack than the host's.",
     .exact = true},
    {.code = code::kDeviceFileEmpty,
     .title = "A file that containers with a device would get is empty",
     .cause =
         "A library of the driver has no bytes, as a power cut during an update or a broken "
         "JetPack installation leaves it; programs in containers fail with \"file too short\".",
     .detection = "The size of the host files that CDI and CSV lists name.",
     .remedy = "Install the package again that brings the file: dpkg -S FILE, then apt-get install "
               "--reinstall PACKAGE.",
     .example = "NVIDIA/nvidia-container-toolkit#135: a libcudnn of 0 bytes.",
     .exact = true},
    {.code = code::kUnderVoltage,
     .title = "The board's supply voltage is too low",
     .cause =
         "A weak power supply or cable. Crashes and damaged files that follow look like faults "
         "of images.",
     .detection = "The Raspberry Pi's firmware saw less than 4.63 V, now or since the start "
                  "(rpi_volt, get_throttled).",
     .remedy = "Use the board's own power supply and a short cable, take USB devices off, then "
               "reboot.",
     .example = "raspberrypi/firmware#681, raspberrypi/linux#2367.",
     .exact = true},
    {.code = code::kThermalThrottled,
     .title = "The processor is slowed down by its temperature",
     .cause = "It is too hot: smoke tests and workloads take longer than they should. As info: it "
              "was so earlier since the start.",
     .detection = "The firmware says that it throttles, or a thermal zone is at its passive or hot "
                  "trip point.",
     .remedy = "Give it a heat sink or a fan, and air.",
     .example = "A Raspberry Pi 4 in a closed case under load.",
     .exact = true},
    {.code = code::kUnpackNotSynced,
     .title = "Images are unpacked on an SD card without a sync",
     .cause =
         "containerd writes unpacked files without waiting for the card, unless it is told to: a "
         "power cut soon after a kubelet's pull leaves empty files, which no later pull "
         "repairs. nodeproof's own pulls are synced in any case.",
     .detection = "containerd's folder lies on an mmcblk device, and its configuration asks for no "
                  "sync.",
     .remedy = "Set image_pull_with_sync_fs = true in containerd's config.toml (1.7 and later) and "
               "restart it.",
     .example = "containerd/containerd#5854, #9115, #11910; home-assistant/operating-system#4994.",
     .exact = true},
    {.code = code::kKnownEscape,
     .title = "containerd or runc has published ways out of a container",
     .cause =
         "The version is older than the first one with the fix. As info: it is a distribution's "
         "package, which may be patched under the old number; that is not looked up.",
     .detection = "containerd's own word for its version, and the package's for runc's: runc is "
                  "never run for it.",
     .remedy = "Update it; the finding names the CVEs.",
     .example = "CVE-2024-21626, fixed in runc 1.1.12.",
     .exact = false},
    {.code = code::kThreadsRefused,
     .title = "Programs in containers cannot start threads",
     .cause =
         "glibc 2.34 and later makes threads with clone3. An old runc or libseccomp does not "
         "know that call and answers EPERM instead of ENOSYS, so that glibc does not fall back "
         "to clone.",
     .detection = "The supervisor in the last smoke container of this boot called clone3 under "
                  "the same profile that containers get.",
     .remedy = "Update runc (1.0.0-rc95 or later) and libseccomp (2.5.0 or later). The image is "
               "not at fault: it works on nodes with a newer runtime.",
     .example = "moby/moby#42680, containerd/containerd#6014.",
     .exact = true},
    {.code = code::kEmulatorRegistered,
     .title = "Programs for other processors run here, under an emulator",
     .cause =
         "A binfmt_misc handler takes programs of another architecture: an image for the wrong "
         "processor starts, and is many times slower.",
     .detection = "/proc/sys/fs/binfmt_misc.",
     .remedy = "Nothing where it is meant. Else remove qemu-user-static and binfmt-support; "
               "nodeproof refuses such images anyway (\"emulation\").",
     .example = "An arm64 image with an amd64 program that was built and tested green: "
                "feedspool-go#46.",
     .exact = true},
    {.code = code::kJetsonReleaseMismatch,
     .title = "The image is for another JetPack than this Jetson has",
     .cause = "Driver libraries come from the host, CUDA from the image, and the two do not fit.",
     .detection = "L4T_VERSION of the image (variable or label) or its tag beside the host's "
                  "/etc/nv_tegra_release: another JetPack generation, or the host's facts do not "
                  "tell its release.",
     .remedy = "Use the image that is built for the host's L4T release, or update the host's "
               "JetPack.",
     .example = "dusty-nv/jetson-containers#169, #8, #74.",
     .exact = false},
};

}  // namespace

std::span<const CodeText> host_texts() { return kTexts; }

}  // namespace nodeproof::report
