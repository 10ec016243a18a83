#!/bin/sh
# Compares this engine's answers with those of Debian's dockerd, request by request. Needs root.
#
#   conformance.sh [WORD...]   only the scenarios whose names contain one of the words
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh --with test
if [ "$(id -u)" != 0 ]; then
  echo "conformance: both engines need root; run: sudo npm run conformance" >&2
  exit 1
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
exec node test/conformance/conformance.ts "$@"
