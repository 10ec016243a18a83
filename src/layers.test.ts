import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';

/**
 * The order of imports: a folder may import only folders above it (docs/architecture.md). The wire stands below the
 * engine and its domains, which therefore know nothing of Docker's API.
 */
const LAYERS = [
  'base',
  'linux',
  'oci',
  'syntax',
  'store',
  'layer',
  'registry',
  'dockerfile',
  'image',
  'log',
  'volume',
  'network',
  'container',
  'sbom',
  'build',
  'registry-server',
  'engine',
  'wire',
  'api',
  'client',
  'compose',
  'cli',
  'main',
];

/** Folders that see only these, although more stands above them: they speak to the engine over its socket. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  base: [],
  oci: ['base'],
  syntax: ['base', 'oci'],
  wire: ['base', 'oci'],
  dockerfile: ['base', 'oci', 'syntax'],
  sbom: ['base', 'oci'],
  client: ['base', 'oci', 'syntax', 'wire'],
  compose: ['base', 'oci', 'syntax', 'wire', 'client'],
  cli: ['base', 'oci', 'syntax', 'wire', 'client', 'compose'],
};

const source = import.meta.dirname;
const importPattern = /(?:from\s+|import\s*\(\s*|import\s+)['"](#([a-z-]+)\/[^'"]+|\.[^'"]+)['"]/g;

function sourceFiles(): string[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file.includes('/'),
  );
}

test('imports point up the list of layers', () => {
  const files = sourceFiles();
  assert.ok(files.length > 50, `only ${files.length} files found: the test looks in the wrong place`);
  const wrong: string[] = [];
  for (const file of files) {
    const layer = file.split('/')[0] ?? '';
    const rank = LAYERS.indexOf(layer);
    if (rank < 0) wrong.push(`${file}: no such layer as ${layer}`);
    for (const [, specifier = '', target] of readFileSync(join(source, file), 'utf8').matchAll(
      importPattern,
    )) {
      if (target === undefined) {
        const reached = relative(source, join(source, file, '..', specifier)).split('/')[0];
        if (reached !== layer) wrong.push(`${file}: ${specifier} leaves its folder; use #${reached}/…`);
      } else if (!mayImport(layer, target, rank)) {
        wrong.push(`${file}: ${layer} may not import ${specifier}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

function mayImport(layer: string, target: string, rank: number): boolean {
  if (target === layer) return true;
  const allowed = ONLY[layer];
  if (allowed) return allowed.includes(target);
  if (layer === 'main') return true;
  if (layer === 'api' && target === 'client') return false;
  const targetRank = LAYERS.indexOf(target);
  return targetRank >= 0 && targetRank < rank;
}
