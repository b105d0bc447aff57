#include "agent/host/kubelet.hpp"

#include <gtest/gtest.h>

#include "agent/host/host.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::host {
namespace {

struct Node {
  fakes::TempFolder folder;
  void put(const std::string& path, std::string_view text) const {
    ASSERT_TRUE(write_file_atomically(folder.path() / path, text));
  }
};

TEST(Kubelet, IsNotThereWithoutASign) {
  const Node node;
  node.put("proc/17/cmdline", "/usr/bin/containerd");
  EXPECT_EQ(read_kubelet(node.folder.path()), std::nullopt);
}

TEST(Kubelet, SaysWhatKubeadmsFileSaysOverTheDefaults) {
  const Node node;
  node.put("var/lib/kubelet/config.yaml",
           "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
           "imageGCHighThresholdPercent: 75\ncgroupDriver: systemd\n"
           "evictionHard:\n  imagefs.available: 20%\n"
           "imagePullCredentialsVerificationPolicy: AlwaysVerify\n"
           "preloadedImagesVerificationAllowlist: [\"registry.lan/*\"]\n");
  const auto facts = read_kubelet(node.folder.path());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->source, "/var/lib/kubelet/config.yaml");
  EXPECT_EQ(facts->image_gc_high_percent, 75U);
  EXPECT_EQ(facts->eviction_hard.at("imagefs.available"), "20%");
  EXPECT_EQ(facts->eviction_hard.at("nodefs.available"), "10%");
  EXPECT_EQ(facts->pull_credentials_policy, "AlwaysVerify");
  EXPECT_EQ(facts->cgroup_driver, "systemd");
  EXPECT_EQ(facts->preloaded_images_allowlist, std::vector<std::string>{"registry.lan/*"});
}

TEST(Kubelet, FollowsTheRunningOnesArguments) {
  const Node node;
  using namespace std::string_view_literals;
  node.put("proc/42/status", "Name:\tkubelet\nUid:\t0\t0\t0\t0\nNSpid:\t42\n");
  node.put("proc/42/cmdline",
           "/usr/bin/kubelet\0--config=/etc/k/kubelet.yaml\0--config-dir\0/etc/k/d\0"
           "--eviction-hard=imagefs.available<7%,nodefs.inodesFree<1%\0"
           "--cgroup-driver=cgroupfs\0"sv);
  node.put("etc/k/kubelet.yaml",
           "cgroupDriver: systemd\nimageGCHighThresholdPercent: 60\nevictionHard: "
           "{imagefs.available: 30%}\n");
  node.put("etc/k/d/20.conf", "imageGCHighThresholdPercent: 65\n");
  node.put("etc/k/d/10.conf", "imageGCHighThresholdPercent: 50\n");
  node.put("etc/k/d/30.yaml", "imageGCHighThresholdPercent: 1\n");
  node.put("var/lib/kubelet/config.yaml", "imageGCHighThresholdPercent: 2\n");
  const auto facts = read_kubelet(node.folder.path());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->image_gc_high_percent, 65U);
  EXPECT_EQ(facts->eviction_hard.at("imagefs.available"), "7%");
  EXPECT_EQ(facts->eviction_hard.at("nodefs.inodesFree"), "1%");
  EXPECT_EQ(facts->cgroup_driver, "cgroupfs");
  EXPECT_EQ(facts->source,
            "/etc/k/kubelet.yaml, /etc/k/d/10.conf, /etc/k/d/20.conf, its command line");
}

TEST(Kubelet, OfK3sAndMicrok8sIsFoundInTheirOwnPlaces) {
  const Node k3s;
  k3s.put("var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf",
          "evictionHard: {imagefs.available: 5%, nodefs.available: 5%}\n");
  EXPECT_EQ(read_kubelet(k3s.folder.path())->eviction_hard.at("nodefs.available"), "5%");
  const Node microk8s;
  microk8s.put("var/snap/microk8s/current/args/kubelet",
               "--kubeconfig=${SNAP_DATA}/k\n--eviction-hard=\"memory.available<100Mi\"\n"
               "--image-gc-high-threshold=90\n");
  EXPECT_EQ(read_kubelet(microk8s.folder.path())->image_gc_high_percent, 90U);
}

TEST(Kubelet, WithAnUnreadableFileHasTheDefaultsAndSaysSo) {
  const Node node;
  node.put("var/lib/kubelet/config.yaml", "evictionHard: [\n");
  const auto facts = read_kubelet(node.folder.path());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->eviction_hard, KubeletFacts{}.eviction_hard);
  EXPECT_NE(facts->source.find("unreadable"), std::string::npos) << facts->source;
}

TEST(Kubelet, IsPartOfTheHostsFacts) {
  const Node node;
  node.put("var/lib/kubelet/config.yaml", "imageGCHighThresholdPercent: 75\n");
  const HostFacts facts = read_host(node.folder.path());
  ASSERT_TRUE(facts.kubelet);
  const auto again = from_json(to_json(facts));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->kubelet, facts.kubelet);
  EXPECT_NE(to_table(facts).find("deletes images above 75 % in use"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof::host
