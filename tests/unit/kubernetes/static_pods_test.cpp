#include "agent/kubernetes/static_pods.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/file.hpp"
#include "tests/fakes/fixtures.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::kubernetes {
namespace {

namespace fs = std::filesystem;

class Manifests : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view text) const {
    ASSERT_TRUE(write_file_atomically(dir_ / name, text));
  }
  [[nodiscard]] std::vector<std::string> references() const {
    std::vector<std::string> found;
    for (const StaticImage& image : read_static_pods(dir_).images) found.push_back(image.reference);
    return found;
  }
  // Without the folder's name.
  [[nodiscard]] std::vector<std::string> problems() const {
    std::vector<std::string> found;
    for (const Error& error : read_static_pods(dir_).problems) {
      std::string text = error.message;
      for (std::size_t at; (at = text.find(dir_.string() + "/")) != std::string::npos;) {
        text.erase(at, dir_.string().size() + 1);
      }
      found.push_back(text);
    }
    return found;
  }
  const fakes::TempFolder folder_;
  const fs::path& dir_ = folder_.path();
};

constexpr std::string_view kPod = R"(apiVersion: v1
kind: Pod
metadata: { name: web }
spec: { containers: [ { name: web, image: "web:1" } ] }
)";

TEST_F(Manifests, OfKubeadmAndK3sAreRead) {
  const fs::path folder = fs::path(fakes::fixtures()) / "kubernetes/manifests";
  const StaticPods found = read_static_pods(folder);
  EXPECT_TRUE(found.problems.empty());
  const std::string etcd = "static pod etcd of " + (folder / "etcd.yaml").string();
  ASSERT_EQ(found.images.size(), 3U);
  EXPECT_EQ(found.images[0], (StaticImage{"registry.k8s.io/tools:1", etcd}));
  EXPECT_EQ(found.images[1], (StaticImage{"registry.k8s.io/etcd:3.5.15-0", etcd}));
  EXPECT_EQ(found.images[2].reference, "registry.k8s.io/kube-apiserver:v1.31.2");

  const StaticPods k3s = read_static_pods(fs::path(fakes::fixtures()) / "kubernetes/k3s-manifests");
  ASSERT_EQ(k3s.images.size(), 2U) << "each image once";
  EXPECT_EQ(k3s.images[1].reference, "registry.lan:5000/edge/log:v1");
}

TEST_F(Manifests, WhatIsHiddenOrAFolderIsPassedOver) {
  write("web", kPod);  // whatever its name ends in
  write(".web.yaml.swp", "not yaml: [");
  fs::create_directory(dir_ / "more");
  ASSERT_TRUE(write_file_atomically(dir_ / "more/web.yaml", "not yaml: ["));
  EXPECT_EQ(references(), std::vector<std::string>{"web:1"});
  EXPECT_EQ(problems(), std::vector<std::string>{});
}

TEST_F(Manifests, AFaultyOneIsAProblemAndTheOthersAreRead) {
  write("a.yaml", "kind: Pod\nspec: [");
  write("b.yaml", kPod);
  write("c.yaml", "apiVersion: v1\nkind: Service\n");
  write("d.yaml", "apiVersion: v1\nkind: Pod\nmetadata: { name: d }\nspec: { containers: [] }\n");
  write("e.yaml", "apiVersion: v1\nkind: Pod\nmetadata: { name: e }\nspec: { containers: [{}] }\n");
  EXPECT_EQ(references(), std::vector<std::string>{"web:1"});
  const auto found = problems();
  ASSERT_EQ(found.size(), 4U);
  EXPECT_TRUE(found[0].starts_with("a.yaml: ")) << found[0];
  EXPECT_EQ(found[1], "c.yaml: it holds no Pod of v1");
  EXPECT_EQ(found[2], "d.yaml: $.spec: a pod without containers");
  EXPECT_EQ(found[3], "e.yaml: $.spec.containers[0]: a container without an image");
}

TEST_F(Manifests, WhatHasNoEndOrIsNoFileHoldsNothingUp) {
  ASSERT_EQ(mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  fs::create_symlink("nowhere", dir_ / "gone");
  write("large", std::string(2 << 20, '#'));
  const auto found = problems();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_TRUE(found[0].starts_with("gone: ")) << found[0];
  EXPECT_TRUE(found[1].starts_with("large is larger")) << found[1];
  EXPECT_EQ(found[2], "pipe: it is no regular file");
}

TEST_F(Manifests, AFolderThatIsNotThereIsAProblem) {
  const StaticPods found = read_static_pods(dir_ / "none");
  ASSERT_EQ(found.problems.size(), 1U);
  EXPECT_EQ(found.problems[0].message,
            "static pods of " + (dir_ / "none").string() + ": No such file or directory");
}

}  // namespace
}  // namespace nodeproof::kubernetes
