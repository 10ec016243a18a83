#!/bin/sh
# From a bare clone to running microservices: sets everything up, then builds and runs the demo.
#
#   quickstart.sh                 run it, as often as you like
#   quickstart.sh --down          remove its containers, stop the engine that it started, leave the host as it was
#   quickstart.sh --down --all    the same, and remove the images
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh
if [ "$(id -u)" != 0 ]; then
  echo "quickstart: the engine needs root for namespaces and mounts; run: sudo npm run quickstart" >&2
  exit 1
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
exec node --disable-warning=ExperimentalWarning scripts/quickstart.ts "$@"
