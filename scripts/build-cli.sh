#!/bin/sh
# Compiles the client to one executable, build/caisson: it starts in a fraction of the time that Node takes.
set -eu
cd "$(dirname "$0")/.."
for bun in node_modules/@oven/bun-linux-*/bin/bun; do
  if [ -x "$bun" ] && "$bun" --version >/dev/null 2>&1; then break; fi
  bun=
done
if [ -z "${bun:-}" ]; then
  echo "build-cli: no Bun in node_modules; run 'npm run setup' first" >&2
  exit 1
fi
mkdir -p build
# Written beside and renamed: a running client keeps the file it started from.
"$bun" build --compile --minify --bytecode --format=esm --splitting --target=bun \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig src/main/caisson.ts --outfile build/caisson.new >&2
mv -f build/caisson.new build/caisson
