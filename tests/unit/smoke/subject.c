// subject WAY [ARGUMENT]: a program that ends, or does not, in a known way.
#define _GNU_SOURCE  // NOLINT: the C library's name
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int dies_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

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
  if (!strcmp(way, "daemon")) return leave_daemon();
  if (!strcmp(way, "sleep")) return sleep_for_ever();
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
