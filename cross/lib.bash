# Shared by the recipes in this folder: the cache, private apt states, and the lock file.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022

CROSS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${NODEPROOF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nodeproof}
LOCK_FILE=$CROSS/lock
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

die() { echo "$(basename "$0"): $*" >&2; exit 1; }
note() { echo "$(basename "$0"): $*" >&2; }

triple_of() {  # Debian architecture -> GNU triple
  case $1 in
    amd64) echo x86_64-linux-gnu ;;
    arm64) echo aarch64-linux-gnu ;;
    *) die "unknown architecture '$1' (amd64 or arm64)" ;;
  esac
}

# One process at a time may fill the cache; the others wait and then find the result.
with_cache_lock() {
  mkdir -p "$CACHE"
  exec 9> "$CACHE/.lock"
  flock 9
}

# --- keys: a thing is found again by the text of its recipe and by what the lock file says about it ---

key_of() {  # THING RECIPE [EXTRA...]
  local thing=$1 recipe=$2
  shift 2
  { cat "$recipe"; locked_lines "$thing"; printf '%s\n' "$@"; } |
    sha256sum | cut -c1-16
}

sysroot_dir() { echo "$CACHE/sysroot-$1-$(key_of "sysroot-$1" "$CROSS/sysroot")"; }
protos_dir() { echo "$CACHE/protos-$(key_of protos "$CROSS/protos")"; }
deps_dir() {
  echo "$CACHE/deps-$1-$(key_of deps "$CROSS/deps" "$(basename "$(sysroot_dir "$1")")" \
    "$(cat "$CROSS/clang.cmake" "$CROSS/isa-l/CMakeLists.txt")")"
}

# --- apt with a state of its own: the machine's package set is neither read nor changed ---

apt_prepare() {  # SUITE ARCH: makes the state once per run and updates it
  local suite=$1 arch=$2 dir=$CACHE/apt/$1-$2
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/empty"
  : > "$dir/status"
  python3 "$CROSS/apt_sources.py" "$suite" > "$dir/sources.list"
  local try
  for try in 1 2 3; do  # a mirror in the middle of its own update answers with mismatching hashes
    if apt_run "$suite" "$arch" apt-get -q=2 -o APT::Update::Error-Mode=any update >&2; then return; fi
    note "apt-get update for $suite/$arch failed (attempt $try)"
    sleep $((try * 10))
  done
  note "cannot update the package lists of $suite/$arch"
  exit $EXIT_DOWNLOAD
}

apt_run() {  # SUITE ARCH TOOL ARGS...
  local dir=$CACHE/apt/$1-$2 arch=$2 tool=$3
  shift 3
  "$tool" -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Architectures::="$arch" \
    -o Dir::State="$dir" -o Dir::State::Lists="$dir/lists" -o Dir::State::status="$dir/status" \
    -o Dir::Cache="$dir/cache" -o Dir::Etc::sourcelist="$dir/sources.list" \
    -o Dir::Etc::sourceparts="$dir/empty" -o Dir::Etc::preferences=- -o Dir::Etc::preferencesparts="$dir/empty" \
    -o APT::Install-Recommends=false -o APT::Get::AllowUnauthenticated=false \
    -o Acquire::AllowInsecureRepositories=false -o Acquire::Languages=none -o Acquire::Retries=3 \
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false \
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o Acquire::ForceHash=SHA256 -o APT::Sandbox::User=root -o Debug::NoLocking=true "$@"
}

# Reads apt's --print-uris lines ('URI' file size SHA256:hash), keeps the files whose name matches REGEX.
parse_uris() { sed -nE "s/^'([^']+)' ([^ ]+) [0-9]+ SHA256:([0-9a-f]{64})\$/\2 \3 \1/p" | grep -E "^($1)" ; }

# Exit code of a failed download: the archive may just have been changing under us, so cross/prepare tries once more.
EXIT_DOWNLOAD=75

# Fetches what stdin lists (file sha256 uri) into the download cache. The hashes come from the signed
# indices, and each file is hashed again here, also when it was already there.
fetch_all() {
  local file sha uri
  mkdir -p "$CACHE/downloads"
  while read -r file sha uri; do
    [ "$(sha_of "$CACHE/downloads/$file")" = "$sha" ] && continue
    /usr/lib/apt/apt-helper -q=2 -o APT::Sandbox::User=root -o Acquire::Retries=3 \
      download-file "$uri" "$CACHE/downloads/$file.part" "SHA256:$sha" >&2 ||
      { note "cannot download $file"; exit $EXIT_DOWNLOAD; }
    [ "$(sha_of "$CACHE/downloads/$file.part")" = "$sha" ] || die "$file does not have the hash the archive signed"
    mv "$CACHE/downloads/$file.part" "$CACHE/downloads/$file"
  done
}

sha_of() { [ -f "$1" ] && sha256sum "$1" | cut -d' ' -f1; return 0; }

# --- the lock file: "thing package version architecture sha256" per line, sorted ---

locked_lines() { [ -f "$LOCK_FILE" ] && grep -E "^$1 " "$LOCK_FILE" || true; }

lock_lines_of_debs() {  # THING, stdin: file sha256 uri
  local thing=$1 file sha rest name version arch
  while read -r file sha rest; do
    file=${file%.deb}
    arch=${file##*_}; file=${file%_*}
    version=${file#*_}; name=${file%%_*}
    echo "$thing $name ${version//%3a/:} $arch $sha"
  done | sort
}

# Compares what was resolved with the lock file and prints each difference; --locked makes one an error.
check_lock() {  # THING MANIFEST
  local drift
  drift=$(diff <(locked_lines "$1") "$2" | sed -n 's/^</  locked:/p; s/^>/  found: /p') || true
  [ -z "$drift" ] && return 0
  note "drift from cross/lock ($1):"
  echo "$drift" >&2
  [ -z "${NODEPROOF_LOCKED:-}" ] || die "--locked: the archive no longer has what cross/lock names"
}

have() {  # THING DIR: already made? then only compare it with the lock
  [ -f "$2/manifest" ] || return 1
  check_lock "$1" "$2/manifest"
}

# Extracts a .deb below ROOT, without documentation.
unpack_deb() {  # DEB ROOT
  dpkg-deb --fsys-tarfile "$1" | tar -C "$2" -x --no-same-owner --keep-directory-symlink \
    --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale --exclude=./usr/share/lintian
}
