#!/bin/sh
# Gives the engine and its readers input that is nearly right, for a time, and says what breaks and how to repeat it.
#
#   fuzz.sh [--minutes N] [--seed N] [--target NAME]...   5 minutes of all targets from a new seed
#   fuzz.sh --seed N --target NAME --attempt N            one attempt again
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh --with test
if [ "$(id -u)" != 0 ]; then
  echo "fuzz: the engine needs root for namespaces and mounts; run: sudo npm run fuzz" >&2
  exit 1
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
exec node --disable-warning=ExperimentalWarning test/fuzz/run.ts "$@"
