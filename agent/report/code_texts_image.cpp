// The bytes of an image, and its run.
#include "agent/codes.hpp"
#include "agent/report/code_texts.hpp"

namespace nodeproof::report {
namespace {

constexpr CodeText kTexts[] = {
    {.code = code::kContentCorrupt,
     .title = "The bytes do not hash to their digest",
     .cause = "A manifest, config or layer was damaged or exchanged in the registry, in a cache or "
              "proxy on the way, or on this node's disk.",
     .detection = "All bytes were hashed and the result is not the digest they were asked for by.",
     .remedy =
         "On this node: nodeproof repair IMAGE. In the registry: push the image again; if other "
         "images fail alike, suspect the proxy, the memory or the disk.",
     .example = "A poisoned partial download makes every later pull fail "
                "(containerd/containerd#3974).",
     .exact = true},
    {.code = code::kLayerCorrupt,
     .title = "A layer cannot be unpacked",
     .cause = "The layer's compressed stream or its tar archive is broken although it hashes to "
              "its digest: it was pushed broken.",
     .detection = "The layer was unpacked while it was read; inflate or tar gave up.",
     .remedy = "Rebuild the layer and push the image again.",
     .example = "A layer that was pushed from a full disk ends in the middle of a file.",
     .exact = true},
    {.code = code::kFileCorrupt,
     .title = "A file on this node's disk is not the one in the layer",
     .cause = "After unpacking, the file was cut off, emptied or changed, usually by a power cut "
              "before it reached the disk.",
     .detection =
         "Unpacked files were compared with the layer, sizes and XXH3 hashes: what a start needs, "
         "and "
         "after an unclean shutdown all of them; or a needed file has size 0 in its layer.",
     .remedy =
         "nodeproof repair IMAGE removes the damaged layers, unpacks them again and proves the "
         "image anew; a pull alone does not repair unpacked files.",
     .example = "An entrypoint of 0 bytes after a power cut, for containerd does not sync what it "
                "unpacks (containerd/containerd#5854, home-assistant/operating-system#4994).",
     .exact = true},
    {.code = code::kInUseAndFailing,
     .title = "What fails or has to be mended is in use",
     .cause = "Containers run of an image that is not ready (a warning beside what is wrong with "
              "it), or a repair found damaged layers in use; nodeproof stops nothing.",
     .detection = "The parents of all containers' snapshots were followed down to the layers: what "
                  "a container really runs, whatever its tag names now.",
     .remedy = "Mend or replace the image, then restart the containers that the message names; for "
               "a repair drain the node or remove them first, then run nodeproof repair IMAGE "
               "again.",
     .example = "A pod that came up after a power cut and goes on with what it has in memory.",
     .exact = true},
    {.code = code::kArchMismatch,
     .title = "A program in the image is built for another processor",
     .cause = "The image was assembled with a binary, base image or helper of the build machine's "
              "architecture.",
     .detection =
         "e_machine, class and byte order of every ELF file in the image were read, and on "
         "32-bit Arm the tag of the architecture; which of them a start needs was followed "
         "through scripts, loaders and libraries.",
     .remedy = "Rebuild the named file for this platform: check FROM --platform, GOARCH, and "
               "binaries that are downloaded or copied in.",
     .example = "Only tini was built for the wrong architecture (onedr0p/containers#178); an armv6 "
                "board gets an armv7 image (moby/moby#38175).",
     .exact = true},
    {.code = code::kPlatformMismatch,
     .title = "Index, image config and programs disagree about the platform",
     .cause = "The image was labelled by hand or merged from builds of different platforms; "
              "container runtimes believe the label unseen.",
     .detection = "The index entry, the image config and most of the programs were compared.",
     .remedy = "Rebuild the image so that its index entry, its config and its programs name the "
               "same platform.",
     .example = "Every tag since the first release held amd64 programs under arm64 labels "
                "(cloudposse/atmos#2931).",
     .exact = true},
    {.code = code::kLoaderMissing,
     .title = "The program's loader is not in the image",
     .cause = "A dynamically linked program names an interpreter (PT_INTERP) that the image lacks, "
              "as glibc programs on Alpine do; starting it says \"no such file or directory\".",
     .detection = "PT_INTERP of a program that a start needs was looked up in the image.",
     .remedy = "Link the program statically or use a base image with the same C library.",
     .example = "A program linked with glibc in an Alpine image (gliderlabs/docker-alpine#12).",
     .exact = true},
    {.code = code::kLibraryMissing,
     .title = "A shared library the program needs is not in the image",
     .cause = "A name in DT_NEEDED is found neither in the image's library folders nor in its "
              "ld.so configuration.",
     .detection = "DT_NEEDED was followed with the loader's own rules: RPATH, RUNPATH, ld.so.conf, "
                  "musl's path.",
     .remedy = "Install the library in the image, or rebuild the program against what is there.",
     .example = "A native library that was built for glibc, in an image with musl "
                "(facebook/rocksdb#10651).",
     .exact = true},
    {.code = code::kSymbolVersionMissing,
     .title = "A library in the image lacks a symbol version that a program needs",
     .cause = "The program was built on a newer system than the image's base, or a library was "
              "copied in from one; the loader says \"version `GLIBC_2.38' not found\" and nothing "
              "runs.",
     .detection =
         "The versions that programs and libraries of a start need (.gnu.version_r) were "
         "looked for in the library that their loader takes (.gnu.version_d), as glibc does "
         "before it runs any code.",
     .remedy = "Build against the C library and compiler runtime that the image has, or take a "
               "newer base image.",
     .example =
         "\"GLIBC_2.xx not found\" where libraries from outside are newer than the image's C "
         "library (OE4T/meta-tegra#857).",
     .exact = true},
    {.code = code::kKernelTooOld,
     .title = "The image's C library wants a newer kernel",
     .cause = "Programs and C libraries carry the oldest kernel they run on; glibc before 2.36 "
              "refuses anything older.",
     .detection =
         "NT_GNU_ABI_TAG of the start's files was compared with the kernel's release, where "
         "the C library is one that does so (glibc before 2.36).",
     .remedy = "Update the host's kernel, or take an older base image.",
     .example = "A board vendor's kernel 3.x with a current base image: \"FATAL: kernel too old\".",
     .exact = true},
    {.code = code::kStaticTlsRisk,
     .title = "A library may find no room for its thread-local variables",
     .cause = "Libraries with static TLS that are loaded while the program runs share a small "
              "reserve; a large one, or many, exceed it.",
     .detection =
         "PT_TLS of libraries with DF_STATIC_TLS that no start loads was set against the 1664 "
         "bytes that glibc keeps for later ones; libraries that are made to be preloaded are "
         "left out.",
     .remedy = "Load the library at the start (LD_PRELOAD), or declare a smoke test that imports "
               "what loads it.",
     .example =
         "\"cannot allocate memory in static TLS block\" when Python imports scikit-learn or "
         "torch late (NVIDIA-AI-IOT/torch2trt#563, dmlc/xgboost#8488).",
     .exact = false},
    {.code = code::kPageSizeIncompatible,
     .title = "A program or library does not work with this host's page size",
     .cause = "It is linked or compiled for 4 KiB pages; a Raspberry Pi 5 has 16 KiB, some server "
              "kernels have 64 KiB. Programs die before their first line, libraries are refused or "
              "mapped wrongly, jemalloc aborts.",
     .detection =
         "PT_LOAD segments were laid out with this host's pages by the rules of who maps them "
         "(the kernel; glibc before and since 2.35, told from the image's own loader; musl), "
         "and jemalloc's page size was read from its code. UPX, box64, Wine and Chromium are "
         "recognised by their strings and only warned of.",
     .remedy = "Relink with -z max-page-size=65536, build jemalloc with --with-lg-page=16, or boot "
               "a kernel with 4 KiB pages (Raspberry Pi 5: kernel=kernel8.img in config.txt).",
     .example =
         "jemalloc built for 4 KiB aborts on a Raspberry Pi 5 (stalwartlabs/stalwart#578); a "
         "program linked for 4 KiB dies before main (termux/termux-docker#76).",
     .exact = true},
    {.code = code::kNeedsSmallPages,
     .title = "Good here, but not with larger pages",
     .cause = "A file of the image is linked or compiled for 4 KiB pages, which this host has; a "
              "Raspberry Pi 5 or a server kernel with 64 KiB has not.",
     .detection =
         "The rules of PageSizeIncompatible, asked for 16 and 64 KiB on a host that has 4 KiB.",
     .remedy = "Nothing has to be done on this host; relink with -z max-page-size=65536 before the "
               "fleet moves on.",
     .example = "falco ran on the Raspberry Pi 4, was mended for the Pi 5, and still fails with 64 "
                "KiB (falcosecurity/falco#3954).",
     .exact = true},
    {.code = code::kAddressSpaceMismatch,
     .title = "A program counts on another width of addresses",
     .cause = "Some allocators and interpreters use bits of addresses that this kernel gives away, "
              "or want addresses that it does not have: 39 bits on Jetson and older Raspberry Pi "
              "kernels, 47 or 48 elsewhere.",
     .detection =
         "The host's address width and the words of tcmalloc or LuaJIT in the image's files; "
         "versions that are mended hold the same words.",
     .remedy = "Declare a smoke test that starts it; update the program, or boot a kernel with "
               "another CONFIG_ARM64_VA_BITS.",
     .example = "\"MmapAligned() failed\" on a Jetson Xavier with 39-bit addresses "
                "(envoyproxy/envoy#17478); \"bad light userdata pointer\" with 48 bits "
                "(kubernetes/ingress-nginx#2802).",
     .exact = false},
    {.code = code::kEntrypointMissing,
     .title = "The image's start command does not exist in the image",
     .cause = "The first word of entrypoint or cmd is no file in the image, not found in its PATH, "
              "or not executable.",
     .detection = "The start's first word was looked up in the image as execvp(3) does, through "
                  "scripts to the program.",
     .remedy = "Correct ENTRYPOINT or CMD, or add the file (and its x bit) to the image.",
     .example =
         "A script saved with Windows line ends names an interpreter that ends in a carriage "
         "return.",
     .exact = true},
    {.code = code::kInspectionIncomplete,
     .title = "The image could not be inspected wholly",
     .cause = "A layer or file is beyond a limit of the inspection, or its format is not "
              "understood, so nothing is said about it.",
     .detection = "A limit of the inspection was met, or a file is not what its magic number says.",
     .remedy = "See the evidence for what was left out.",
     .example = "A program larger than what is read into memory or spooled.",
     .exact = true},
    {.code = code::kWouldRunEmulated,
     .title = "The image would run, but under an emulator",
     .cause = "A binfmt_misc handler on this node takes programs of the image's architecture and "
              "runs them many times slower, with subtle differences.",
     .detection = "The enabled handlers in binfmt_misc were matched with the programs of a start.",
     .remedy = "Use an image for this platform; set the image's emulation to warn or allow if the "
               "emulator is meant.",
     .example = "An arm64 image with amd64 programs went unnoticed, for Rosetta ran them unasked "
                "(cloudposse/atmos#2931).",
     .exact = true},
    {.code = code::kSmokeFailed,
     .title = "A test in the container failed",
     .cause = "The program could not be started, was killed by somebody, or its exit status or "
              "output was not the expected one; what is known closer has a code of its own.",
     .detection =
         "The declared test was run in the image's own container, and its end was decoded.",
     .remedy = "See the evidence; run the same arguments by hand in the image.",
     .example =
         "A model server is healthy until its first request (NousResearch/hermes-agent#74554).",
     .exact = true},
    {.code = code::kNotExecutable,
     .title = "The kernel does not take the file for a program",
     .cause = "A script without a \"#!\" line, or a file without execute permission for the user.",
     .detection = "A test's execve(2) failed, and the file was looked at.",
     .remedy = "Give the script a first line such as #!/bin/sh, and the file its x bits.",
     .example = "A script works when a shell starts it and is an exec format error without one.",
     .exact = true},
    {.code = code::kProgramCrashed,
     .title = "The program crashed",
     .cause = "It used memory it may not use, trapped on purpose (an assertion), or called abort.",
     .detection =
         "A test's process died of a signal; siginfo and the instruction were read before.",
     .remedy = "See the evidence; run the same arguments by hand in the image.",
     .example = "V8 and Rust end a failed check with a trap instruction: SIGILL on amd64, SIGTRAP "
                "on arm64.",
     .exact = true},
    {.code = code::kUnalignedAccess,
     .title = "The program needs unaligned access where this processor has none",
     .cause = "Atomic and exclusive accesses have to be aligned on Arm; code that amd64 forgave "
              "is ended with SIGBUS.",
     .detection = "A test's process died of SIGBUS with BUS_ADRALN.",
     .remedy = "Take a fixed version of the program; it is a bug of its source.",
     .example =
         "32-bit Arm code on a 64-bit kernel, which mends fewer accesses (canonical/lxd#8395).",
     .exact = true},
    {.code = code::kSyscallRefused,
     .title = "A seccomp filter ended the program",
     .cause = "The program's own sandbox knows the system calls of another architecture or of an "
              "older C library. nodeproof's filter and containerd's only answer with an error.",
     .detection = "A test's process died of SIGSYS; the call is named from the kernel's table.",
     .remedy = "Update the program, or turn its own sandbox off.",
     .example = "A sandbox written for amd64 forbids what arm64 has instead: openat, newfstatat.",
     .exact = true},
    {.code = code::kTimedOut,
     .title = "A test did not end in its time",
     .cause = "It hangs, waits for something that a sandbox does not have, or this node is slow.",
     .detection = "The test was ended after its timeout.",
     .remedy = "Run a command that ends, such as --version, or raise the test's timeout.",
     .example = "A server was started as a test: it serves, and so never ends.",
     .exact = true},
    {.code = code::kOutOfMemory,
     .title = "A test was ended by its memory limit",
     .cause =
         "It needs more than the sandbox gives (sandbox.memory, 1 GiB unless set), or it leaks. "
         "As a warning: the test passed without the process that was ended.",
     .detection = "The container's own cgroup counted an OOM kill during the test.",
     .remedy = "Raise the image's sandbox.memory, or give the test less to do.",
     .example = "A model server loads its weights before it prints its version.",
     .exact = true},
    {.code = code::kProcessLimit,
     .title = "A test was refused more processes or threads",
     .cause =
         "It starts more than the sandbox gives (sandbox.pids, 512 unless set), or without end.",
     .detection =
         "The test failed, and the container's own cgroup counted refused forks meanwhile.",
     .remedy = "Raise the image's sandbox.pids, or limit the program's threads.",
     .example = "A runtime starts a thread per core and connection before its first line.",
     .exact = true},
    {.code = code::kOutputLimit,
     .title = "A test wrote more than is read",
     .cause = "It logs without end; 64 MiB per run are taken.",
     .detection = "The bytes of standard output and error were counted; the test was ended.",
     .remedy = "Run a command that says less.",
     .example = "A program that retries what the sandbox does not have, and logs each try.",
     .exact = true},
    {.code = code::kMissingIsaExtension,
     .title = "The program uses instructions this processor lacks",
     .cause = "It was built for a newer processor (LSE atomics, SVE, AVX, x86-64-v3 ...) and died "
              "of SIGILL here, or its loader refused this processor.",
     .detection =
         "AArch64 code was scanned for instructions of extensions without a sign of asking "
         "first, and compared with HWCAP; on amd64 GNU_PROPERTY_X86_ISA_1_NEEDED with the "
         "processor's level; or a test died of SIGILL. Only LSE atomics without any other "
         "way, glibc's own refusal and what was observed fail; the rest is a warning.",
     .remedy = "Rebuild it for the processor's baseline, or require it only on nodes that have the "
               "extension.",
     .example = "Bun and MongoDB 5 die of SIGILL on a Raspberry Pi 4, which lacks LSE "
                "(oven-sh/bun#26556, docker-library/mongo#510).",
     .exact = true},
    {.code = code::kSmokeNotRun,
     .title = "The tests in the container could not be run",
     .cause = "containerd or the kernel refused to make the container, so nothing is known about "
              "how the image runs.",
     .detection = "containerd or the OCI runtime answered with an error before the first test.",
     .remedy = "See the message; `ctr run` of the same image shows containerd's own error.",
     .example = "An old runc cannot add the seccomp rule for clone3 "
                "(NVIDIA/nvidia-container-runtime#157).",
     .exact = true},
    {.code = code::kSmokeLeftovers,
     .title = "Something of an earlier smoke container could not be removed",
     .cause =
         "Its creation was broken off (nodeproof, the shim or containerd was killed), containerd "
         "has forgotten it, and the unit has no privilege to unmount or to remove cgroups.",
     .detection = "A bundle, mount or cgroup named nodeproof-smoke-... below containerd's tasks or "
                  "nodeproof.slice, of which containerd knows neither task nor container.",
     .remedy =
         "It harms nothing. Restart containerd, reboot, or run `nodeproof check` once as root "
         "outside of the unit.",
     .example = "The kernel kills nodeproof for want of memory while runc creates a container.",
     .exact = true},
    {.code = code::kSmokeDeferred,
     .title = "The image is not started while memory is short",
     .cause = "A smoke container would compete with the workload for the memory that is left.",
     .detection =
         "Before a start: MemAvailable of /proc/meminfo is below 128 MiB (on larger hosts a "
         "tenth of the memory, at most 512 MiB), or processes waited for memory more than a "
         "fifth of the last ten seconds (/proc/pressure/memory).",
     .remedy = "None is needed: the next cycle tries again, and what was proven before stands.",
     .example = "A Raspberry Pi 3 with 1 GB whose pods have taken 900 MB.",
     .exact = true},
    {.code = code::kNotExecuted,
     .title = "Nothing of the image was executed",
     .cause = "No test is declared for it; its program is static, so that there is no loader to "
              "try, or require_smoke asks for more than the loader's dry run.",
     .detection = "No test is declared, and there is no loader to ask.",
     .remedy = "Declare a smoke test, such as the program's --version.",
     .example = "A Go program in an image of its own, without a smoke test.",
     .exact = true},
};

}  // namespace

std::span<const CodeText> image_texts() { return kTexts; }

}  // namespace nodeproof::report
