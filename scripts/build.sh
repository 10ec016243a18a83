#!/bin/sh
# Compiles what starts often or stays in memory; everything also runs from its source without it.
#   build/caisson   the client as one executable: it starts in a fraction of the time that Node takes
#   build/daemon/   the daemon, the registry and their workers as plain JavaScript: half the start-up time, 40 MB less
#                   memory
#
#   build.sh [--if-stale]   only what is older than its source
set -eu
cd "$(dirname "$0")/.."

is_fresh() {
  [ "${1:-}" = --if-stale ] && [ -e "$2" ] && [ ! package.json -nt "$2" ] &&
    [ -z "$(find src -name '*.ts' -newer "$2" -print -quit)" ]
}

for bun in node_modules/@oven/bun-linux-*/bin/bun; do
  if [ -x "$bun" ] && "$bun" --version >/dev/null 2>&1; then break; fi
  bun=
done
if [ -z "${bun:-}" ]; then
  echo "build: no compiler for this machine in node_modules; client and daemon run from source" >&2
  exit 0
fi
mkdir -p build

if ! is_fresh "${1:-}" build/caisson; then
  # Written beside and renamed: a running client keeps the file it started from.
  "$bun" build --compile --minify --bytecode --format=esm --splitting --target=bun \
    --no-compile-autoload-dotenv --no-compile-autoload-bunfig src/main/caisson.ts --outfile build/caisson.new >&2
  mv -f build/caisson.new build/caisson
fi

if ! is_fresh "${1:-}" build/daemon/caissond.mjs; then
  rm -rf build/daemon.new
  "$bun" build --target=node --format=esm --minify-syntax --minify-whitespace --external koffi \
    --outdir build/daemon.new --entry-naming '[name].mjs' \
    src/main/caissond.ts src/main/registry.ts $(find src -name '*-worker.ts') >/dev/null
  rm -rf build/daemon.old
  if [ -e build/daemon ]; then mv build/daemon build/daemon.old; fi
  mv build/daemon.new build/daemon
  rm -rf build/daemon.old
fi
