#include "agent/containerd/remains.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::containerd {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kTasks = "io.containerd.runtime.v2.task/k8s.io";
constexpr uid_t kSomebody = 12345;

// Sixteen hexadecimal digits, as smoke::random_id makes them.
std::string ours(unsigned number) {
  const std::string digits = std::to_string(number);
  return "nodeproof-smoke-" + std::string(16 - digits.size(), 'a') + digits;
}

// A process that may be killed.
class Child {
 public:
  Child() : pid_(fork()) {
    while (pid_ == 0) pause();
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  [[nodiscard]] std::string pid() const { return std::to_string(pid_); }
  [[nodiscard]] bool runs() const {
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid == 0;
  }

 private:
  pid_t pid_;
};

class RemainsOf : public testing::Test {
 protected:
  void SetUp() override {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof(address.sun_path) - 1);
    listener.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(listener.get(), 8), 0);
    process(std::to_string(getpid()), {"/usr/bin/containerd"});
  }
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((home.path() / file).parent_path());
    std::ofstream(home.path() / file) << text;
  }
  void link(const fs::path& name, const fs::path& target) const {
    fs::create_directories((home.path() / name).parent_path());
    fs::remove(home.path() / name);
    fs::create_symlink(target, home.path() / name);
  }
  void process(const std::string& pid, const std::vector<std::string>& arguments) const {
    std::string text;
    for (const std::string& argument : arguments) text += argument + '\0';
    write("proc/" + pid + "/cmdline", text);
    write("proc/" + pid + "/status", "Name:\tx\nUid:\t0\t0\t0\t0\nNSpid:\t" + pid + "\n");
    link("proc/" + pid + "/ns/pid", "pid:[1]");
    link("proc/" + pid + "/ns/mnt", "mnt:[1]");
  }
  void shim(const std::string& pid, const std::string& id, const std::string& address,
            const std::string& name_space = "k8s.io") const {
    process(pid, {"/usr/bin/containerd-shim-runc-v2", "-namespace", name_space, "-id", id,
                  "-address", address});
  }
  // The folder with a file in it.
  fs::path folder(const fs::path& name) const {
    write(name / "file", "x");
    return home.path() / name;
  }
  bool is_whole(const fs::path& name) const { return fs::exists(home.path() / name / "file"); }
  void group(const std::string& name, const std::string& processes, std::chrono::seconds age) {
    write("cgroup/pids/nodeproof.slice/" + name + "/cgroup.procs", processes);
    fs::last_write_time(home.path() / "cgroup/pids/nodeproof.slice" / name,
                        fs::file_time_type::clock::now() - age);
  }
  Remains remains() const {
    return {socket, "k8s.io", home.path() / "proc", home.path() / "cgroup"};
  }

  fakes::TempFolder home;
  std::string socket = home.path() / "containerd.sock";
  UniqueFd listener;
};

TEST_F(RemainsOf, AreShimsOfThisContainerdAndNamespaceThatAreCalledLikeOurs) {
  shim("900001", ours(1), socket);
  shim("900002", ours(2), "/run/other/containerd.sock");
  shim("900003", ours(3), socket, "default");
  shim("900004", "nodeproof-theirs", socket);
  process("900005", {"/usr/bin/vi", "-namespace", "k8s.io", "-id", ours(5), "-address", socket});
  shim("900006", ours(6), "unix://" + socket);
  shim("900007", "nodeproof-smoke-../../../../etc", socket);
  shim("900008", ours(8) + "0", socket);
  EXPECT_THAT(remains().ids(), ElementsAre(ours(1), ours(6)));
  EXPECT_TRUE(remains().has_shim(ours(1)));
  EXPECT_FALSE(remains().has_shim(ours(2)));
}

TEST_F(RemainsOf, AreNoShimsOfAnotherUserOrInOtherNamespacesThanContainerd) {
  for (unsigned i = 1; i <= 5; ++i) shim("90000" + std::to_string(i), ours(i), socket);
  write("proc/900001/status", "Uid:\t1000\t1000\t1000\t1000\n");
  write("proc/900002/status", "Uid:\t1000\t0\t0\t0\n");  // a set-user-ID program
  link("proc/900003/ns/pid", "pid:[2]");
  link("proc/900004/ns/mnt", "mnt:[2]");
  EXPECT_THAT(remains().ids(), ElementsAre(ours(5)));
  EXPECT_FALSE(remains().has_shim(ours(1))) << "each costs the sweep more than a second";
}

TEST_F(RemainsOf, AreKnownToAProgramThatMayNotReadTheLinksOfNamespaces) {
  for (unsigned i = 1; i <= 3; ++i) shim("90000" + std::to_string(i), ours(i), socket);
  for (const std::string& pid : {std::to_string(getpid()), std::string("900001"),
                                 std::string("900002"), std::string("900003")}) {
    fs::remove_all(home.path() / "proc" / pid / "ns");
    write("proc/" + pid + "/mountinfo", "41 2 0:3 / / rw - ext4 disk rw\n");
  }
  write("proc/900002/mountinfo", "97 2 0:3 / / rw - ext4 disk rw\n");
  write("proc/900003/status", "Uid:\t0\t0\t0\t0\nNSpid:\t900003\t7\n");
  EXPECT_THAT(remains().ids(), ElementsAre(ours(1)));
}

TEST_F(RemainsOf, AreAtMostSixtyFourInOneSweep) {
  for (unsigned i = 0; i < 70; ++i) shim(std::to_string(900000 + i), ours(i), socket);
  EXPECT_EQ(remains().ids().size(), 64U);
}

TEST_F(RemainsOf, AreMountsInTheTaskFolderOfThisContainerd) {
  const std::string here = home.path() / kTasks;
  const std::string theirs = home.path() / "somebody" / kTasks;  // a user's own file system
  std::string text;
  for (const std::string& point :
       {here + "/" + ours(1) + "/rootfs", here + "/0123456789/rootfs",
        home.path().string() + "/io.containerd.runtime.v2.task/default/" + ours(2) + "/rootfs",
        theirs + "/" + ours(3) + "/rootfs", here + "/" + ours(4) + "/rootfs/proc",
        here + "/" + ours(5)}) {
    text += "1 2 0:3 / " + point + " rw - overlay overlay rw\n";
  }
  write("proc/self/mountinfo", text);
  EXPECT_THAT(remains().ids(), ElementsAre(ours(1)));
}

TEST_F(RemainsOf, AreBelowTheStateFolderThatTheCommandLineNames) {
  process(std::to_string(getpid()), {"containerd", "--state", home.path() / "state"});
  folder(fs::path("state") / kTasks / ours(1));
  folder(fs::path(kTasks) / ours(1));
  EXPECT_TRUE(remains().remove(ours(1)).has_value());
  EXPECT_FALSE(is_whole(fs::path("state") / kTasks / ours(1)));
  EXPECT_TRUE(is_whole(fs::path(kTasks) / ours(1)));
}

TEST_F(RemainsOf, AreBelowTheStateFolderWhereAShimOfSomebodyElseWorks) {
  folder(fs::path("state") / kTasks / ours(1));
  shim("900001", "pod", socket);
  link("proc/900001/cwd", folder(fs::path("state") / kTasks / "pod"));
  EXPECT_TRUE(remains().remove(ours(1)).has_value());
  EXPECT_FALSE(is_whole(fs::path("state") / kTasks / ours(1)));
  EXPECT_TRUE(is_whole(fs::path("state") / kTasks / "pod"));
}

TEST_F(RemainsOf, AreNotWhereAUsersProcessSaysItWorks) {
  const Child child;
  shim(child.pid(), ours(1), socket);
  write("proc/" + child.pid() + "/status", "Uid:\t1000\t1000\t1000\t1000\n");
  const fs::path fake = fs::path("somebody") / kTasks / ours(1);
  link("proc/" + child.pid() + "/cwd", folder(fake));
  link(fake / "work", folder("victim/" + ours(1)));
  EXPECT_TRUE(remains().remove(ours(1)).has_value());
  EXPECT_TRUE(child.runs());
  EXPECT_TRUE(is_whole(fake));
  EXPECT_TRUE(is_whole("victim/" + ours(1)));
}

TEST_F(RemainsOf, AreNeverBehindALink) {
  link(fs::path(kTasks) / ours(1), folder("victim"));
  EXPECT_TRUE(remains().remove(ours(1)).has_value());
  EXPECT_TRUE(is_whole("victim"));
  folder(fs::path(kTasks) / ours(2));
  link(fs::path(kTasks) / ours(2) / "work", folder("victim/" + ours(2)));
  EXPECT_TRUE(remains().remove(ours(2)).has_value());
  EXPECT_TRUE(is_whole("victim/" + ours(2))) << "it is no task's folder";
  folder(fs::path("victim/k8s.io") / ours(3));
  link("root/io.containerd.runtime.v2.task", home.path() / "victim");
  folder(fs::path(kTasks) / ours(3));
  link(fs::path(kTasks) / ours(3) / "work", home.path() / "root" / kTasks / ours(3));
  EXPECT_TRUE(remains().remove(ours(3)).has_value());
  EXPECT_FALSE(is_whole(fs::path(kTasks) / ours(3)));
  EXPECT_TRUE(is_whole("victim/k8s.io/" + ours(3)));
}

TEST_F(RemainsOf, GoWithTheirFolderBelowContainerdsRootThatMayBeBehindALink) {
  folder(fs::path("disk") / kTasks / ours(1));
  link("root", home.path() / "disk");
  folder(fs::path(kTasks) / ours(1));
  link(fs::path(kTasks) / ours(1) / "work", home.path() / "root" / kTasks / ours(1));
  EXPECT_TRUE(remains().remove(ours(1)).has_value());
  EXPECT_FALSE(fs::exists(home.path() / kTasks / ours(1)));
  EXPECT_FALSE(fs::exists(home.path() / "disk" / kTasks / ours(1)));
}

TEST_F(RemainsOf, AreNoFoldersThatBelongToSomebodyOrThatOthersWrite) {
  const fs::path open = folder(fs::path(kTasks) / ours(1));
  fs::permissions(open, fs::perms::others_write, fs::perm_options::add);
  EXPECT_TRUE(remains().remove(ours(1)).has_value());
  EXPECT_TRUE(is_whole(fs::path(kTasks) / ours(1)));
  if (geteuid() != 0) GTEST_SKIP() << "only root gives folders away";
  const fs::path given = folder(fs::path(kTasks) / ours(2));
  ASSERT_EQ(chown(given.c_str(), kSomebody, kSomebody), 0);
  EXPECT_TRUE(remains().remove(ours(2)).has_value());
  EXPECT_TRUE(is_whole(fs::path(kTasks) / ours(2)));
  folder(fs::path(kTasks) / ours(3));
  link(fs::path(kTasks) / ours(3) / "work", folder(fs::path("root") / kTasks / ours(3)));
  ASSERT_EQ(chown((home.path() / "root").c_str(), kSomebody, kSomebody), 0);
  EXPECT_TRUE(remains().remove(ours(3)).has_value());
  EXPECT_FALSE(is_whole(fs::path(kTasks) / ours(3)));
  EXPECT_TRUE(is_whole(fs::path("root") / kTasks / ours(3))) << "on the way is a user's folder";
}

TEST_F(RemainsOf, OneContainerdAreNotTheRunningContainersOfAnother) {
  const Child shim_of_other;
  const Child container;
  const fs::path bundle = fs::path("other") / kTasks / ours(1);
  shim(shim_of_other.pid(), ours(1), home.path() / "other/containerd.sock");
  link("proc/" + shim_of_other.pid() + "/cwd", folder(bundle));
  write("proc/self/mountinfo",
        "1 2 0:3 / " + (home.path() / bundle / "rootfs").string() + " rw - overlay overlay rw\n");
  write("proc/" + container.pid() + "/cgroup", "1:pids:/nodeproof.slice/" + ours(1) + "\n");
  group(ours(1), container.pid() + "\n", std::chrono::minutes(2));
  EXPECT_THAT(remains().ids(), IsEmpty());
  EXPECT_TRUE(remains().remove(ours(1)).has_value());
  EXPECT_TRUE(shim_of_other.runs());
  EXPECT_TRUE(container.runs());
  EXPECT_TRUE(is_whole(bundle));
}

TEST_F(RemainsOf, AreTheProcessesOfAGroupWhoseBundleIsHere) {
  const Child shim_of_it;
  const Child container;
  shim(shim_of_it.pid(), ours(1), socket);
  link("proc/" + shim_of_it.pid() + "/cwd", folder(fs::path(kTasks) / ours(1)));
  write("proc/" + container.pid() + "/cgroup", "1:pids:/nodeproof.slice/" + ours(1) + "\n");
  group(ours(1), container.pid() + "\n", std::chrono::minutes(2));
  EXPECT_FALSE(remains().remove(ours(1)).has_value()) << "the group of this test has a file";
  EXPECT_FALSE(shim_of_it.runs());
  EXPECT_FALSE(container.runs());
  EXPECT_FALSE(fs::exists(home.path() / kTasks / ours(1)));
}

TEST_F(RemainsOf, AreGroupsThatAreEmptyAndOlderThanAnyCreation) {
  group(ours(1), "", std::chrono::minutes(2));
  group(ours(2), "", std::chrono::seconds(1));
  group(ours(3), "17\n", std::chrono::minutes(2));
  group("nodeproof-smoke-theirs", "", std::chrono::minutes(2));
  EXPECT_THAT(remains().ids(), ElementsAre(ours(1)));
}

TEST_F(RemainsOf, AreOnlyInTheOneSliceOfAUnifiedHierarchy) {
  group(ours(1), "", std::chrono::minutes(2));
  write("cgroup/cgroup.controllers", "pids\n");
  EXPECT_THAT(remains().ids(), IsEmpty()) << "a group that was given to somebody";
}

TEST_F(RemainsOf, AContainerdThatCannotBeSeenAreNone) {
  group(ours(1), "", std::chrono::minutes(2));
  listener.reset();
  EXPECT_THAT(remains().ids(), IsEmpty());
  EXPECT_TRUE(remains().remove(ours(1)).has_value());
  EXPECT_TRUE(fs::exists(home.path() / "cgroup/pids/nodeproof.slice" / ours(1)));
}

TEST_F(RemainsOf, AreNamedWhenTheyStay) {
  const fs::path bundle = home.path() / kTasks / ours(1);
  fs::create_directories(bundle / "rootfs/etc");
  std::ofstream(bundle / "config.json") << "{}";
  const auto removed = remains().remove(ours(1));
  ASSERT_FALSE(removed) << "what may be an image's file is never deleted";
  EXPECT_THAT(removed.error().message, testing::HasSubstr(bundle.string()));
  EXPECT_TRUE(fs::exists(bundle / "rootfs/etc"));
  fs::remove(bundle / "rootfs/etc");
  EXPECT_TRUE(remains().remove(ours(1)).has_value());
  EXPECT_FALSE(fs::exists(bundle));
}

}  // namespace
}  // namespace nodeproof::containerd
