#!/bin/sh
# The one gate: format, lint, types, layers, contracts, dead code.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh --npm-only
PATH="$PWD/node_modules/.bin:$PATH"
biome format .
oxlint --type-aware --deny-warnings src test bench scripts
tsc
node --test src/layers.test.ts src/contracts.test.ts src/api/errors/docker-errors.test.ts
knip
# What only tests use is no part of the product.
knip --production --config knip.production.json
