// Ends by the cause that it is named after: argv[0], or argv[1].
#define _GNU_SOURCE  // NOLINT: the C library's name
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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

// An instruction of ARMv8.1, or of an extension that only one family of amd64 processors ever had, in code that is made
// at run time: nobody finds it in the file.
static int extension(void) {
#if defined(__aarch64__)
  static const unsigned code[] = {0xd10043ff, 0x910003e2, 0xb8210040,  // sub sp,sp,#16; mov x2,sp; ldadd w1,w0,[x2]
                                  0x910043ff, 0x52800000, 0xd65f03c0};  // add sp,sp,#16; mov w0,#0; ret
#else
  static const unsigned char code[] = {0x8f, 0xe8, 0x78, 0xa2, 0xc0, 0x00, 0x31, 0xc0, 0xc3};  // vpcmov; xor eax,eax; ret
#endif
  char *place = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(place, code, sizeof code);
  mprotect(place, 4096, PROT_READ | PROT_EXEC);
  __builtin___clear_cache(place, place + sizeof code);
  return ((int (*)(void))place)();
}

static int trap(void) { __builtin_trap(); }

static int null(void) {
  *(volatile int *)8 = 1;
  return 0;
}

static int wild(void) {
  *(volatile int *)0x7ff0000 = 1;
  return 0;
}

static int call_null(void) {
  void (*volatile function)(void) = NULL;
  function();
  return 0;
}

static int unaligned(void) {
  static char bytes[32] __attribute__((aligned(16)));
#if defined(__aarch64__)
  __asm__ volatile("ldxr x0, [%0]" ::"r"(bytes + 1) : "x0", "memory");
#else
  __asm__ volatile("pushfq\n orq $0x40000, (%%rsp)\n popfq\n movl (%0), %%eax" ::"r"(bytes + 1) : "rax", "memory");
#endif
  return 0;
}

static int truncated(void) {
  const int file = open("/tmp/short", O_RDWR | O_CREAT, 0600);
  volatile char *mapped = mmap(NULL, 65536, PROT_READ, MAP_SHARED, file, 0);
  return mapped[0];
}

static int divide(void) {
  volatile int zero = 0, one = 1;
  return one / zero;
}

static int filtered(unsigned action) {
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) return 90;
  syscall(SYS_getppid);
  return 91;
}

static int seccomp_kills(void) { return filtered(SECCOMP_RET_KILL_PROCESS); }
static int seccomp_traps(void) { return filtered(SECCOMP_RET_TRAP); }

static int hog(void) {
  for (;;) {
    volatile char *more = malloc(1 << 20);
    if (!more) return 92;
    for (int i = 0; i < 1 << 20; i += 512) more[i] = 1;
  }
}

static int hog_in_child(void) {
  int status = 0;
  if (fork() == 0) _exit(hog());
  wait(&status);
  return WIFSIGNALED(status) ? 3 : 93;
}

static int trap_in_child(void) {
  int status = 0;
  if (fork() == 0) _exit(extension());
  wait(&status);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 0;
}

// As jemalloc does when it was built for pages of 4 KiB.
static int small_pages(void) {
  if (sysconf(_SC_PAGESIZE) <= 4096) return 0;
  fputs("<jemalloc>: Unsupported system page size\nmemory allocation of 4 bytes failed\n", stderr);
  abort();
}

static int static_tls(void) {
  fputs("ImportError: /usr/lib/libgomp.so.1: cannot allocate memory in static TLS block\n", stderr);
  return 1;
}

// 32 MiB in a child, less than a MiB here.
static int uses_memory(void) {
  const size_t size = 32 << 20;
  if (fork() == 0) {
    char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(block, 1, size);
    _exit(block[size / 2] == 1 ? 0 : 1);
  }
  return wait(NULL) > 0 ? 0 : 1;
}

// An i386 program's way into the kernel, from a 64-bit one.
static int narrow_call(void) {
#if defined(__x86_64__)
  long id = 0;
  __asm__ volatile("int $0x80" : "=a"(id) : "0"(20L) : "memory");  // getpid
  return id > 0 || id == -ENOSYS ? 0 : 1;
#else
  return 0;
#endif
}

struct Cause {
  const char *name;
  int (*end)(void);
};

static const struct Cause kCauses[] = {
    {"extension", extension},         {"trap", trap},
    {"null", null},                   {"wild", wild},
    {"call-null", call_null},         {"unaligned", unaligned},
    {"truncated", truncated},         {"divide", divide},
    {"seccomp-kills", seccomp_kills}, {"seccomp-traps", seccomp_traps},
    {"hog", hog},                     {"hog-in-child", hog_in_child},
    {"trap-in-child", trap_in_child}, {"small-pages", small_pages},
    {"static-tls", static_tls},       {"uses-memory", uses_memory},
    {"narrow-call", narrow_call},
};

int main(int argc, char **argv) {
  const char *slash = strrchr(argv[0], '/');
  const char *name = argc > 1 ? argv[1] : slash ? slash + 1 : argv[0];
  if (!strcmp(name, "abort")) abort();
  for (size_t i = 0; i < sizeof kCauses / sizeof *kCauses; ++i) {
    if (!strcmp(name, kCauses[i].name)) return kCauses[i].end();
  }
  return 99;
}
