// hostile WAY [ARGUMENT...]: what an image may try against its sandbox. Prints what it got, one line each, and ends with
// 1 when that was anything.
#define _GNU_SOURCE  // NOLINT: the C library's name
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int fork_bomb(void) {
  for (;;) fork();
}

static int memory_hog(void) {
  for (;;) {
    volatile char *more = malloc(1 << 20);
    for (int i = 0; more && i < 1 << 20; i += 512) more[i] = 1;
  }
}

static int flood(void) {
  static char block[1 << 16];
  for (;;) {
    if (write(1, block, sizeof block) < 0 || write(2, block, sizeof block) < 0) return 1;
  }
}

static void ignore_all(void) {
  for (int one = 1; one < NSIG; ++one) signal(one, SIG_IGN);
  for (int fd = 0; fd < 256; ++fd) close(fd);
}

static int stubborn(void) {
  ignore_all();
  for (;;) pause();
}

// Twice forked, in a session of its own.
static int daemons(void) {
  for (int i = 0; i < 20; ++i) {
    if (fork() != 0) continue;
    setsid();
    if (fork() == 0) stubborn();
    _exit(0);
  }
  while (wait(NULL) > 0) continue;
  return 0;
}

static int orphans(void) {
  for (int i = 0; i < 200; ++i) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child != 0) continue;
    if (fork() == 0) {
      if (i % 2 != 0) pause();
      _exit(0);
    }
    _exit(0);
  }
  return 0;
}

// How many processes there are, the supervisor and this one among them.
static int census(void) {
  int count = 0;
  DIR *proc = opendir("/proc");
  for (struct dirent *entry; (entry = readdir(proc));) count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
  printf("%d processes\n", count);
  return 0;
}

static int anything = 0;

static void got(const char *what, int done) {
  if (!done) return;
  printf("got %s\n", what);
  anything = 1;
}

static int can_open(const char *path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static int is_link_or_special(const char *path) {
  struct stat found;
  return lstat(path, &found) != 0 || !S_ISDIR(found.st_mode);
}

static char **allowed;  // folders, until NULL

static int is_allowed(const char *folder) {
  for (char **one = allowed; *one; ++one) {
    if (!strcmp(*one, folder)) return 1;
  }
  return 0;
}

static void write_below(const char *folder, int depth) {
  char path[4096];
  snprintf(path, sizeof path, "%s/.hostile", strcmp(folder, "/") ? folder : "");
  got(folder, can_open(path, O_WRONLY | O_CREAT) && !is_allowed(folder));
  DIR *listing = depth > 0 && strcmp(folder, "/proc") ? opendir(folder) : NULL;
  for (struct dirent *entry; listing && (entry = readdir(listing));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    snprintf(path, sizeof path, "%s/%s", strcmp(folder, "/") ? folder : "", entry->d_name);
    if (!is_link_or_special(path)) write_below(path, depth - 1);
  }
  if (listing) closedir(listing);
}

static int writes(char **folders) {
  allowed = folders;
  write_below("/", 4);
  const char *files[] = {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
                         "/proc/sysrq-trigger", "/proc/1/mem",
                         "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/cgroup.procs",
                         "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/tasks",
                         "/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/devices/devices.allow",
                         "/sys/kernel/uevent_helper", "/dev/.nodeproof/nodeproof",
                         "/dev/.nodeproof/plan.json", "/dev/kmsg", "/dev/mem", "/app"};
  for (size_t i = 0; i < sizeof files / sizeof *files; ++i) got(files[i], can_open(files[i], O_WRONLY));
  return anything;
}

static int privileges(void) {
  got("a mount", mount("none", "/tmp", "tmpfs", 0, NULL) == 0);
  got("a remount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
  got("an unmount", umount2("/sys/fs/cgroup", MNT_DETACH) == 0);
  got("a namespace", unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWNS) == 0);
  got("a device", mknod("/tmp/disk", S_IFBLK | 0600, 0x0800) == 0 && can_open("/tmp/disk", O_RDONLY));
  got("a chroot", chroot("/tmp") == 0);
  got("the supervisor's memory", ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0);
  got("a reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL) == 0);
  got("swap", swapoff("/swap") == 0 || errno == ENOENT);
  got("a module", syscall(SYS_init_module, "", 0, "") == 0);
  got("a keyring", syscall(SYS_keyctl, 0, -5, 0) >= 0);
  got("user 0 again", setuid(0) == 0 && getuid() != 0);
  setpriority(PRIO_PROCESS, 0, -20);
  got("a better priority", getpriority(PRIO_PROCESS, 0) < 0);
  for (int one = 1; one < NSIG; ++one) kill(1, one);  // to no avail: the next test runs
  return anything;
}

static int reaches(const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  return connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static int reaches_abstract(const char *name) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  const size_t length = strlen(name);
  memcpy(to.sun_path + 1, name, length);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) == 0;
}

// PORT NAME: of a listener on the host's loopback, and of its abstract socket.
static int network(int port, const char *name) {
  got("the host's loopback", reaches("127.0.0.1", port));
  got("the world", reaches("192.0.2.1", 80) || errno != ENETUNREACH);
  got("the metadata service", reaches("169.254.169.254", 80) || errno != ENETUNREACH);
  got("the host's abstract socket", reaches_abstract(name));
  got("a raw socket", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0);
  got("a packet socket", socket(AF_PACKET, SOCK_RAW, 0) >= 0);
  struct if_nameindex *all = if_nameindex();
  for (struct if_nameindex *one = all; one && one->if_index != 0; ++one) {
    if (strcmp(one->if_name, "lo") && strncmp(one->if_name, "tunl", 4) && strncmp(one->if_name, "sit", 3)) got(one->if_name, 1);
  }
  return anything;
}

int main(int argc, char **argv) {
  const char *way = argc > 1 ? argv[1] : "";
  if (!strcmp(way, "fork-bomb")) return fork_bomb();
  if (!strcmp(way, "memory-hog")) return memory_hog();
  if (!strcmp(way, "flood")) return flood();
  if (!strcmp(way, "stubborn")) return stubborn();
  if (!strcmp(way, "daemons")) return daemons();
  if (!strcmp(way, "orphans")) return orphans();
  if (!strcmp(way, "census")) return census();
  if (!strcmp(way, "writes")) return writes(argv + 2);
  if (!strcmp(way, "privileges")) return privileges();
  if (!strcmp(way, "network") && argc > 3) return network(atoi(argv[2]), argv[3]);
  return 99;
}
