"""Reports of nodes as `check -o json` writes them: of a bad night, of a hostile image, of many nodes."""

import datetime
import json

IMAGE = "registry.lan:5000/shop/app:v2.1.0"
PI5 = ("arm64", "Raspberry Pi 5 Model B Rev 1.0", 16384)
PI4 = ("arm64", "Raspberry Pi 4 Model B Rev 1.4", 4096)
SERVER = ("amd64", "", 4096)


def moment(hours_ago: float = 0) -> str:
    time = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours_ago)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def finding(code: str, severity: str, subject: str = "", **more) -> dict:
    return {"code": code, "severity": severity, "subject": subject, "layer": "", "message": "", "evidence": "", "remedy": "", **more}


def smoke(name: str, result: str = "passed", **more) -> dict:
    return {"name": name, "result": result, "exit": 0, "signal": "", "seconds": 0.42, "stdoutSha256": "c" * 64, "reason": "",
            "runs": 1, "maxRss": 41_000_000, **more}


def image(reference: str, verdict: str = "ready", **more) -> dict:
    return {"reference": reference, "verdict": verdict, "required": True, "freshness": "current", "platform": "linux/arm64/v8",
            "indexDigest": digest("a"), "manifestDigest": digest("b"), "choice": "the only entry for linux/arm64",
            "pull": {"bytes": 43_000_000, "downloadedBytes": 41_200_000, "seconds": 3.14, "layers": 5, "reusedLayers": 1},
            "findings": [], "smoke": [smoke("starts")], **more}


def node(name: str, kind: tuple = PI5, verdict: str = "ready", hours: float = 0, **more) -> dict:
    architecture, board, page_size = kind
    host = {"architecture": architecture, "os": "linux", "variant": "v8" if architecture == "arm64" else "", "board": board,
            "pageSize": page_size, "machine": {"arm64": "aarch64", "amd64": "x86_64"}[architecture], "kernelRelease": "6.6.31+rpt-rpi-2712",
            "kernelBits": 64, "userlandBits": 64, "cgroupV2": True, "cgroupControllers": ["cpuset", "cpu", "io", "memory", "pids"],
            "containerd": {"socket": "/run/containerd/containerd.sock", "version": "1.7.24", "namespace": "k8s.io", "snapshotter": "overlayfs",
                           "cri": True},
            "hwcaps": ["fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "atomics", "fphp", "asimdhp", "cpuid"]}
    return {"apiVersion": "nodeproof.dev/v1", "kind": "NodeReport", "node": name, "time": moment(hours), "sequence": 42,
            "verdict": verdict, "effectiveVerdict": verdict, "reason": "", "message": "1/1 ready", "since": moment(hours + 5),
            "freshness": "current", "agentVersion": "0.1.0", "bootId": f"boot of {name}", "configDigest": digest("e"),
            "labels": {"site": "berlin", "ring": "1"}, "host": host, "findings": [], "images": [image(IMAGE)], **more}


def bad_night() -> dict:
    pages = finding("PageSizeIncompatible", "fail", "/usr/lib/libjemalloc.so.2", layer=digest("d"),
                    message="its jemalloc is built for pages of 4 KiB, this kernel has 16 KiB",
                    evidence="PAGE 0x1000 in .rodata at 0x4c810\nkernel page size 0x4000",
                    remedy="build it with --with-lg-page=16, or boot a kernel with 4 KiB pages (kernel=kernel8.img in config.txt)")
    away = finding("RegistryUnreachable", "unknown", message="registry.example.com: connection refused",
                   remedy="see that the registry answers at port 443")
    guarded = finding("MissingIsaExtension", "warn", "/usr/bin/ffmpeg", message="some of its code needs sve2, which this processor lacks",
                      evidence="112 functions, all behind a check of hwcaps", remedy="declare a smoke test that runs it")
    lived_with = finding("TagMoved", "warn", message="the tag names another image since yesterday", lowered={
        "from": "fail", "why": "accepted until 2027-01-31: fixed in 2.2"})
    died = smoke("starts", "failed", exit=-1, signal="SIGABRT", seconds=0.02, reason="<jemalloc>: Unsupported system page size")
    return node("pi-17", verdict="not-ready", reason="PageSizeIncompatible", message="1/3 ready; PageSizeIncompatible app:v2.1.0 (+1)",
                freshness="unreachable", findings=[
                    finding("MemoryCgroupMissing", "warn", message="the kernel keeps no account of a container's memory",
                            evidence="memory is missing in /sys/fs/cgroup/cgroup.controllers",
                            remedy="add cgroup_enable=memory to /boot/firmware/cmdline.txt and boot")],
                images=[image("registry.lan:5000/shop/web:v7", findings=[lived_with, finding("NeedsSmallPages", "info", "/usr/bin/old",
                                                                                            message="would not run with 64 KiB pages")],
                              smoke=[smoke("starts"), smoke("health", seconds=2.5, source="HEALTHCHECK")]),
                        image(IMAGE, "not-ready", findings=[pages, guarded],
                              smoke=[died, smoke("queue", "skipped", reason="starts has failed", seconds=0)]),
                        image("registry.example.com/infra/telegraf:1.30", "unknown", freshness="unreachable", platform="",
                              manifestDigest="", indexDigest="", choice="", pull={}, smoke=[], findings=[away])])


# What an image, a registry or another node may say: markup, scripts, quotes, controls, escapes, bidi marks, stacks of accents.
SCRIPT = "<script>document.title='owned';window.owned=1</script>"
IMG = "\"'><img src=http://127.0.0.1:9/x onerror=\"window.owned=1\"><style>*{display:none}</style>"
STRANGE = "a\x01b\x1b[31mred\u202ereversed\u2066\ufeff e" + "\u0301" * 200
HOSTILE = (SCRIPT, IMG, STRANGE, "</title></style></pre></details>", "&lt;b&gt;&#x3c;", "javascript:alert(1)", "x" * 5000)


def hostile() -> dict:
    everything = " ".join(HOSTILE)
    worst = [finding(f"Code{text}", "fail", text, message=text, evidence=f"{text}\n{text}", remedy=text, layer=text) for text in HOSTILE]
    lowered = finding(SCRIPT, "warn", SCRIPT, message=SCRIPT, lowered={"from": "fail", "why": SCRIPT})
    report = node(SCRIPT, verdict="not-ready", message=everything, reason=SCRIPT, agentVersion=IMG, configDigest=SCRIPT,
                  bootId=IMG, labels={SCRIPT: IMG, "x": STRANGE}, findings=[*worst, lowered, finding(IMG, "info", message=IMG)],
                  images=[image(text, "not-ready", choice=text, platform=text, findings=worst,
                                smoke=[smoke(text, "failed", reason=text, signal=text, source=text)]) for text in HOSTILE])
    report["host"] |= {"board": everything, "kernelRelease": SCRIPT, "machine": IMG, "hwcaps": [IMG, STRANGE], "runc": SCRIPT, "name": IMG}
    return report


def fleet() -> list[dict]:
    """500 nodes: four and one that fail, two that do not know, twenty that are silent; one is ready by override."""
    pages, *_ = bad_night()["images"][1]["findings"]
    foreign = finding("ArchMismatch", "fail", "/app", message="the entrypoint is built for x86-64, this node is arm64",
                      remedy="rebuild /app for linux/arm64")
    away = finding("RegistryUnreachable", "unknown", message="registry.lan:5000: connection refused", remedy="see that it answers")
    reports = [node(f"node-{i:03}", SERVER if i % 3 else PI4) for i in range(473)]
    reports += [failing(f"pi-{i}", PI5, pages) for i in (17, 18, 203, 311)]
    reports += [failing("pi-44", PI4, foreign)]
    reports += [node(f"edge-{i}", PI4, "unknown", images=[image(IMAGE, "unknown", findings=[away])]) for i in (1, 2)]
    reports += [node(f"mute-{i}", PI4, hours=3 + i) for i in range(20)]
    return reports


def failing(name: str, kind: tuple, cause: dict, **more) -> dict:
    return node(name, kind, "not-ready", reason=cause["code"], images=[image(IMAGE, "not-ready", findings=[cause])], **more)


def write(folder, reports: list[dict]) -> None:
    for i, report in enumerate(reports):
        (folder / f"report-{i:04}.json").write_text(json.dumps(report), encoding="utf-8")
