#!/bin/sh
# Every test, against the real kernel, real clients and a real daemon. Needs root.
#
#   test.sh [FILE...]   only these files
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh --with test
if [ "$(id -u)" != 0 ]; then
  echo "test: the engine needs root for namespaces and mounts; run: sudo npm test" >&2
  exit 1
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
if [ $# -gt 0 ]; then exec node --test "$@"; fi
# A test that hangs says which one it is; a suite has the same time for all of its tests, on slow machines too.
exec node --test --test-concurrency=2 --test-timeout=600000 "src/**/*.test.ts" "test/**/*.test.ts"
