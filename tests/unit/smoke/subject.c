// subject WAY [ARGUMENT]: a program that ends, or does not, in a known way.
#define _GNU_SOURCE  // NOLINT: the C library's name
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *trap(void *unused) {
  (void)unused;
#if defined(__x86_64__)
  __asm__ volatile("ud2");
#else
  __asm__ volatile(".inst 0x00000000");
#endif
  return NULL;
}

// An instruction of an extension that this processor lacks, when it does.
static void vectors_512(void) {
#if defined(__x86_64__)
  __asm__ volatile(".byte 0x8f, 0xe8, 0x78, 0xa2, 0xc0, 0x00");  // vpcmov, XOP: AMD's Bulldozer only
#else
  __asm__ volatile(".inst 0x2518e3e0");  // ptrue p0.b, SVE
#endif
}

static void print_status(const char *name) {
  char line[256];
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file)) {
    if (!strncmp(line, name, strlen(name))) fputs(line, stdout);
  }
  if (file) fclose(file);
}

static int identity(void) {
  gid_t groups[64];
  int count = getgroups(64, groups);
  printf("uid %d %d gid %d %d groups", getuid(), geteuid(), getgid(), getegid());
  for (int i = 0; i < count; ++i) printf(" %d", groups[i]);
  printf("\n");
  print_status("Cap");
  print_status("NoNewPrivs");
  print_status("SigBlk");
  print_status("SigIgn");
  for (int fd = 0; fd < 256; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) printf("fd %d\n", fd);
  }
  return 0;
}

static int zombies(void) {
  for (int i = 0; i < 20; ++i) {
    if (fork() == 0) {
      if (fork() == 0) _exit(0);  // an orphan
      _exit(0);
    }
  }
  return 0;
}

static int flood(void) {
  char block[4096];
  memset(block, 'x', sizeof block);
  for (;;) {
    if (write(1, block, sizeof block) < 0) return 1;
  }
}

static int leave_daemon(void) {
  if (fork() == 0) {
    setsid();
    signal(SIGTERM, SIG_IGN);
    for (;;) pause();
  }
  printf("left\n");
  return 0;
}

static void caught(int signal) {
  (void)signal;
  static const char text[] = "caught\n";
  if (write(1, text, sizeof text - 1) < 0) _exit(9);
  _exit(4);
}

static int sleep_for_ever(void) {
  signal(SIGTERM, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  for (;;) pause();
}

// Killed by its own filter, without any signal before.
static int refused(void *(*call)(void *)) {
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
  pthread_t thread;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) return 98;
  pthread_create(&thread, NULL, call, NULL);
  pthread_join(thread, NULL);
  return 97;
}

// Once the first thread waits for this one.
static void *ask_for_parent(void *unused) {
  char state = 'R', path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
  while (state != 'S') {
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%*d %*s %c", &state) != 1) return unused;
    fclose(file);
  }
  syscall(SYS_getppid);
  return unused;
}

// As many bytes as the argument says, in a child.
static int grow(size_t size) {
  if (fork() == 0) {
    char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(block, 1, size);
    _exit(block[size / 2] == 1 ? 0 : 1);
  }
  return wait(NULL) < 0;
}

static int dies_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

int serve(const char *port, const char *manner);  // subject_service.c

static int count_processors(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return printf("%d\n", CPU_COUNT(&set)) < 0;
}

int main(int argc, char **argv) {
  const char *way = argc > 1 ? argv[1] : "exit";
  const char *argument = argc > 2 ? argv[2] : "0";
  int status = 0;
  pthread_t thread;
  if (!strcmp(way, "exit")) return atoi(argument);
  if (!strcmp(way, "say")) return puts(argument) < 0;
  if (!strcmp(way, "complain")) return fputs(argument, stderr) < 0 ? 1 : 3;
  if (!strcmp(way, "ill")) trap(NULL);
  if (!strcmp(way, "extension")) vectors_512();
  if (!strcmp(way, "segv")) *(volatile int *)8 = 1;
  if (!strcmp(way, "abort")) abort();
  if (!strcmp(way, "kill")) kill(getpid(), atoi(argument));
  if (!strcmp(way, "stop")) return raise(SIGSTOP);
  if (!strcmp(way, "catch")) {
    signal(SIGILL, caught);
    trap(NULL);
  }
  if (!strcmp(way, "thread")) {
    pthread_create(&thread, NULL, trap, NULL);
    pthread_join(thread, NULL);
  }
  if (!strcmp(way, "child")) {
    if (fork() == 0) trap(NULL);
    wait(&status);
    return dies_of(status);
  }
  if (!strcmp(way, "identity")) return identity();
  if (!strcmp(way, "zombies")) return zombies();
  if (!strcmp(way, "flood")) return flood();
  if (!strcmp(way, "refused")) return refused(ask_for_parent);
  if (!strcmp(way, "grow")) return grow((size_t)atoi(argument));
  if (!strcmp(way, "daemon")) return leave_daemon();
  if (!strcmp(way, "sleep")) return sleep_for_ever();
  if (!strcmp(way, "serve")) return serve(argument, argc > 3 ? argv[3] : "");
  if (!strcmp(way, "processors")) return count_processors();
  if (!strcmp(way, "close")) {
    for (int fd = 0; fd < 3; ++fd) close(fd);
    usleep(100000);
    return 5;
  }
  if (!strcmp(way, "become")) {
    execl(argument, argument, argc > 3 ? argv[3] : (char *)NULL, (char *)NULL);
    return 126;
  }
  if (!strcmp(way, "where")) return puts(get_current_dir_name()) < 0;
  if (!strcmp(way, "variable")) return puts(getenv(argument) ? getenv(argument) : "(none)") < 0;
  return 99;
}
