#!/bin/sh
# Fetches what tests of other platforms run, out of Debian's packages and without installing any: an emulator, and a
# busybox that needs it. They stay in build/foreign.
set -eu
cd "$(dirname "$0")/.."

directory=build/foreign
if [ -e "$directory/emulator" ] && [ -e "$directory/busybox" ]; then exit 0; fi

own=$(dpkg --print-architecture)
case "$own" in
  amd64) foreign=arm64 emulator=qemu-aarch64 ;;
  arm64) foreign=amd64 emulator=qemu-x86_64 ;;
  *) echo "foreign-programs: no emulator is known for this machine" >&2; exit 1 ;;
esac
echo "foreign-programs: fetching an emulator and a busybox for $foreign" >&2

# Lists and downloads of its own: the machine's package manager is told of no other architecture.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$directory" "$scratch/state/lists/partial" "$scratch/cache/archives/partial"
: >"$scratch/state/status"

apt() {
  apt-get -qq -o Dir::State="$scratch/state" -o Dir::State::status="$scratch/state/status" \
    -o Dir::Cache="$scratch/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none \
    -o APT::Architectures="$own,$foreign" "$@"
}

# take PACKAGE PATH NAME: reads the package up to the file, without minding that it has more.
take() {
  (cd "$scratch" && apt download "$1" >/dev/null)
  dpkg-deb --fsys-tarfile "$scratch"/*.deb 2>/dev/null | tar -xO --occurrence=1 "$2" >"$directory/$3.new"
  chmod 755 "$directory/$3.new"
  mv -f "$directory/$3.new" "$directory/$3"
  rm "$scratch"/*.deb
}

# What could not be had is missed when it is needed.
apt update || true
take qemu-user "./usr/bin/$emulator" emulator
take "busybox-static:$foreign" ./usr/bin/busybox busybox
