#!/bin/sh
# Placeholder until the set-up issue lands: npm dependencies only.
set -eu
cd "$(dirname "$0")/.."
[ -d node_modules ] || npm ci
