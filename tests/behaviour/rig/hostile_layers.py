"""Layers that want out of their directory, each with a sentence for a name. `victim` is the absolute path of a canary."""

from . import tars
from .canary import MARK
from .tars import Entry, file, folder, hard_link, symlink, tar, whiteout, xattrs

UP = "../" * 24  # more than any directory is deep


def _names(victim: str) -> dict[str, bytes]:
    return {
        "names that begin with dots": tar(file(f"../{MARK}"), file(f"../../{MARK}"), file(f"{UP}{MARK}")),
        "names that go up in the middle": tar(folder("a"), file(f"a/../../{MARK}"), file(f"a/b/../../../{MARK}2")),
        "dots that lead to the victim": tar(file(f"{UP}{victim[1:]}/{MARK}"), file(f"{UP}{victim[1:]}/file", b"changed")),
        "a folder that is its own parent": tar(folder("..", 0o700, owner=(5, 5)), folder("../..", 0o700), folder("a/../..", 0o700)),
        "absolute names": tar(file(f"{victim}/{MARK}"), file(f"{victim}/file", b"changed"), folder(f"{victim}/dir", 0o777, owner=(5, 5))),
        "names with two slashes": tar(file(f"//{MARK}-absolute"), file(f"///{victim}//{MARK}")),
        "a name of a zero byte": tar(file("x", records={"path": b"good\0/../" + MARK.encode()})),
        "an empty name": tar(Entry("", b"data")),
        "a name that is too long for any file system": tar(file("n" * 256)),
        "a whiteout of the folder itself": tar(folder("a"), file("a/x"), Entry("a/.wh..")),
        "a whiteout of the folder above": tar(folder("a"), file("a/x"), Entry("a/.wh...")),
        "a whiteout of the folder above the root": tar(Entry(".wh..."), Entry(".wh..")),
        "a whiteout without a name": tar(folder("a"), file("a/x"), Entry("a/.wh.")),
        "a whiteout of the victim": tar(whiteout(f"{UP}{victim[1:]}/file"), whiteout(f"{victim}/dir")),
    }


def _symlinks(victim: str) -> dict[str, bytes]:
    relative = UP + victim[1:]
    return {
        "written through an absolute symlink": tar(symlink("s", victim), file(f"s/{MARK}"), file("s/file", b"changed")),
        "written through a relative symlink": tar(symlink("s", relative), file(f"s/{MARK}"), file("s/file", b"changed")),
        "written through a symlink in a folder": tar(folder("a"), symlink("a/s", relative), file(f"a/s/{MARK}"), folder("a/s/dir", 0o777)),
        "written through two symlinks": tar(symlink("one", victim), symlink("two", "one/dir"), file(f"two/{MARK}"), file("two/file", b"changed")),
        "a symlink to the root above": tar(symlink("s", UP), file(f"s/{MARK}"), file(f"s{victim}/{MARK}"), file(f"s{victim}/file", b"changed")),
        "a symlink that is replaced by a file": tar(symlink("s", f"{victim}/file"), file("s", b"changed", mode=0o777, owner=(5, 5))),
        "a symlink that is replaced by a folder": tar(symlink("s", f"{victim}/dir"), folder("s", 0o777, owner=(5, 5), time=1), file(f"s/{MARK}")),
        "a folder that becomes a symlink": tar(folder("s"), file("s/x"), symlink("s", victim), file(f"s/{MARK}"), folder("s/dir", 0o777)),
        "a folder whose time is set when it is a symlink": tar(folder("dir", time=1), symlink("dir", victim)),
        "a symlink with attributes": tar(symlink("s", f"{victim}/file", owner=(5, 5), time=1, records=xattrs(user__x=b"1", security__x=b"1"))),
        "a whiteout through a symlink": tar(symlink("s", victim), Entry("s/.wh.file"), Entry("s/.wh.dir")),
        "an opaque mark through a symlink": tar(symlink("s", victim), Entry("s/.wh..wh..opq"), Entry("s/dir/.wh..wh..opq")),
        "the process' own folder and root": tar(
            symlink("cwd", "/proc/self/cwd"), file(f"cwd/{MARK}"), symlink("root", "/proc/self/root"), file(f"root{victim}/{MARK}"),
            symlink("one", "/proc/1/root"), file(f"one{victim}/file", b"changed"), symlink("fd", "/proc/self/fd"),
            *(file(f"fd/{number}/{MARK}") for number in range(3, 12))),
    }


def _hard_links(victim: str) -> dict[str, bytes]:
    relative = UP + victim[1:]
    return {
        "a hard link to the victim": tar(hard_link("h", f"{victim}/file")),
        "a hard link to the victim by dots": tar(hard_link("h", f"{relative}/file")),
        "a hard link to a file of the system": tar(hard_link("h", "/etc/passwd")),
        "a hard link through a symlink": tar(symlink("s", victim), hard_link("h", "s/file"), file("h", b"changed")),
        "a hard link to a symlink, written to": tar(symlink("s", f"{victim}/file"), hard_link("h", "s"), file("h", b"changed", mode=0o777)),
        "a hard link to a symlink, with mode and owner": tar(
            symlink("s", f"{victim}/file"), hard_link("h", "s", mode=0o4777, owner=(5, 5), time=1, records=xattrs(user__x=b"1"))),
        "a hard link made in the victim": tar(file("x"), symlink("s", victim), hard_link(f"s/{MARK}", "x"), hard_link(f"{relative}/{MARK}", "x")),
        "a hard link to the directory itself": tar(hard_link("h", "."), hard_link("i", "/"), hard_link("j", "..")),
        "a hard link to a folder": tar(folder("a"), hard_link("h", "a")),
    }


def _devices(_: str) -> dict[str, bytes]:
    """No number is that of a disk: who writes to /dev/full gets an error, who opens the block device does."""
    full = {"kind": tars.CHARACTER, "device": (1, 7), "mode": 0o666}
    block = {"kind": tars.BLOCK_DEVICE, "device": (259, 1048570), "mode": 0o666}
    return {
        "a file where a character device is": tar(Entry("full", **full), file("full", b"changed" * 1000)),
        "a file where a block device is": tar(Entry("disk", **block), file("disk", b"changed" * 1000)),
        "a hard link to a device, then a file": tar(Entry("full", **full), hard_link("h", "full"), file("h", b"changed")),
        "a hard link to a device, with data": tar(Entry("full", **full), Entry("h", b"changed", kind=tars.LINK, link="full")),
        "a file below a device": tar(Entry("full", **full), file(f"full/{MARK}")),
        "a file where a fifo is, which blocks who opens it": tar(Entry("pipe", kind=tars.FIFO), file("pipe", b"data")),
        "a hard link to a fifo, then a file": tar(Entry("pipe", kind=tars.FIFO), hard_link("h", "pipe"), file("h", b"data"), hard_link("i", "pipe", mode=0o4777)),
        "device numbers that are too large": tar(Entry("big", kind=tars.BLOCK_DEVICE, device=(1 << 20, 1 << 20))),
    }


def _attributes(victim: str) -> dict[str, bytes]:
    trusted = {"trusted__overlay__redirect": UP.encode() + victim.encode(), "trusted__overlay__opaque": b"y",
               "trusted__overlay__metacopy": b"", "trusted__overlay__origin": b"\0" * 20}
    return {
        "attributes of overlayfs": tar(folder("d", records=xattrs(**trusted)), file("f", records=xattrs(**trusted))),
        "attributes of an overlayfs mounted by a user": tar(
            folder("d", records=xattrs(user__overlay__redirect=victim.encode(), user__overlay__opaque=b"y")),
            file("f", records=xattrs(user__overlay__metacopy=b"", user__overlay__whiteout=b"y"))),
        "an attribute without a name": tar(file("f", records={"SCHILY.xattr.": b"x"})),
        "an attribute of a name that is too long": tar(file("f", records={"SCHILY.xattr.user." + "n" * 300: b"x"})),
        "an attribute that is too large": tar(file("f", records=xattrs(user__x=b"v" * 70_000))),
        "a capability that is none": tar(file("f", records=xattrs(security__capability=b"nonsense"))),
    }


def _structure(_: str) -> dict[str, bytes]:
    return {
        "a tar cut off in a file": tar(file("a", b"x" * 5000))[:2048],
        "a header with a wrong checksum": tars.member(file("a")) + bytes([1]) + tars.member(file("b"))[1:],
        "a pax record of a wrong length": tars.header(Entry("p", kind=b"x"), 20, b"p", b"") + tars.padded(b"99 path=escaped\n") + tars.member(file("a")),
        "a negative size": tar(file("a", size=-512)),
        "a size of eight exbibytes": tar(file("a", b"x", size=(1 << 63) - 1)),
        "a sparse map that goes backwards": tar(file("s", b"x" * 1024, records={
            "GNU.sparse.size": "4096", "GNU.sparse.numblocks": "2", "GNU.sparse.name": "s", "GNU.sparse.map": "2048,512,0,512"})),
    }


def hostile(victim: str) -> dict[str, bytes]:
    found = {}
    for part in (_names, _symlinks, _hard_links, _devices, _attributes, _structure):
        found |= part(victim)
    return found


def deep(depth: int) -> bytes:
    """A file below that many folders."""
    return tar(file("/".join(["d"] * depth + ["file"])))
