#!/bin/sh
# Lets clients work while the engine is killed, its disk is full, parts of its root are lost and file systems hang, and
# says what of all that clients were told was lost. The clock is left alone: it is the host's.
#
#   chaos.sh [--minutes N] [--seed N]     5 minutes from a new seed
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh --with test
if [ "$(id -u)" != 0 ]; then
  echo "chaos: the engine needs root for namespaces and mounts; run: sudo npm run chaos" >&2
  exit 1
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
exec node --disable-warning=ExperimentalWarning test/chaos/run.ts "$@"
