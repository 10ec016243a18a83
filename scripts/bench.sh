#!/bin/sh
# Measures this engine against Docker and Podman where they are installed, all in one interleaved run.
#
#   bench.sh [--runs N] [--only CASE,…] [--engines NAME,…] [--against CHECKOUT]
#   bench.sh --thousand [--counts N,…] [--engines NAME,…]   up to a thousand running containers, as a curve
#
# --against measures this checkout beside another one of this project, such as the commit before: a row that is slower
# is a fault. `--engines caisson` leaves Docker and Podman out.
# Everything runs in network and mount namespaces of its own, so that bridges, firewall rules and mounts of all
# engines vanish with them.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh
if [ "$(id -u)" != 0 ]; then
  echo "bench: engines need root; run: sudo npm run bench" >&2
  exit 1
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
exec unshare --net --mount --propagation private sh -c '
  ip link set lo up
  ip link add uplink0 type bridge
  ip addr add 192.0.2.2/24 dev uplink0
  ip link set uplink0 up
  ip route add default via 192.0.2.1
  exec node --disable-warning=ExperimentalWarning bench/bench.ts "$@"
' bench "$@"
