"""kube-apiserver from Debian 12's source package of Kubernetes 1.20, for no Debian ships it built. Made once (some minutes of
two processors), kept in the rig's cache under the recipe and the packages it was made of."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import packages

# $1: a folder with src/ (the source package, unpacked) and go/ (the compiler's packages, unpacked). The API server does not
# start without its OpenAPI definitions, which the source package leaves to its own makefile to generate. The reflect2 that it
# brings knows maps as they were before Go 1.18, and crashes: Debian's own package of it takes its place.
RECIPE = r"""
set -eu
export GOROOT=$1/go/usr/lib/go-1.19 GOPATH=$1/path GOCACHE=$1/cache HOME=$1 GO111MODULE=off CGO_ENABLED=0 GOFLAGS=-p=2 GOPROXY=off
mkdir -p "$GOPATH/src/k8s.io"
mv "$1/src" "$GOPATH/src/k8s.io/kubernetes"
cd "$GOPATH/src/k8s.io/kubernetes"
rm -r vendor/github.com/modern-go/reflect2
cp -r "$1/go/usr/share/gocode/src/github.com/modern-go/reflect2" vendor/github.com/modern-go/
"$GOROOT/bin/go" build -o "$1/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
inputs=$(grep -rl --include='*.go' '+k8s:openapi-gen=' pkg plugin staging/src |
  grep -v -e /vendor/ -e zz_generated -e _examples -e /testdata/ | xargs -n1 dirname | sort -u |
  sed 's#^staging/src/#k8s.io/kubernetes/vendor/#; t; s#^#k8s.io/kubernetes/#' | paste -sd,)
"$1/openapi-gen" --logtostderr -h hack/boilerplate/boilerplate.generatego.txt -O zz_generated.openapi -i "$inputs" \
  -p k8s.io/kubernetes/pkg/generated/openapi -r "$1/violations"
"$GOROOT/bin/go" build -ldflags '-s -w' -o "$1/kube-apiserver" ./cmd/kube-apiserver
"""


def sources(suite: str, package: str) -> list[Path]:
    """The files of a source package, the .dsc among them."""
    done = packages.asked((packages.REPOSITORY / "cross/sources", suite, package))
    if done.returncode != 0:
        raise packages.Unavailable(f"{suite} source {package}: {done.stderr.strip()[-600:]}")
    return [Path(line) for line in done.stdout.split()]


def _build(files: list[Path], compiler: list[Path], scratch: Path) -> None:
    (scratch / "in").mkdir()
    for file in files:
        (scratch / "in" / file.name).symlink_to(file)
    description = next(file.name for file in files if file.suffix == ".dsc")
    # The files' hashes come from the signed index; the uploader's own key is not in the archive keyring.
    subprocess.run(["dpkg-source", "--no-check", "-q", "-x", scratch / "in" / description, scratch / "src"], check=True)
    for file in compiler:
        subprocess.run(["dpkg-deb", "-x", file, scratch / "go"], check=True)
    done = subprocess.run(["nice", "sh", "-c", RECIPE, "sh", scratch], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise packages.Unavailable(f"building kube-apiserver: {done.stderr.strip()[-600:]}")


def apiserver() -> Path:
    """The folder with kube-apiserver."""
    files = sources("bookworm", "kubernetes")
    compiler = packages.debs("bookworm", packages.host_architecture(), ["golang-1.19-go", "golang-github-modern-go-reflect2-dev"],
                             "golang-(1.19|github-modern-go-reflect2)-")
    key = "\n".join([RECIPE, *(file.name for file in [*files, *compiler])])

    def make(folder: Path) -> None:
        if os.environ.get("NODEPROOF_LATE"):
            raise packages.Unavailable("kube-apiserver is not in the cache, and this CI run is late: a run with its other caches warm builds it")
        scratch = Path(tempfile.mkdtemp(prefix="tmp.apiserver.", dir=packages.CACHE))
        try:
            _build(files, compiler, scratch)
            os.rename(scratch / "kube-apiserver", folder / "kube-apiserver")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    return packages.cached("kube-apiserver", key, make)


def etcd() -> Path:
    """The folder that etcd's package was unpacked to."""
    return packages.unpacked("etcd", packages.debs("bookworm", packages.host_architecture(), ["etcd-server"], "etcd-server_"))
