import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

/** The contracts of the domains: what others may know of them without knowing how they do it. */
const CONTRACTS = [
  'store/content.ts',
  'store/metadata.ts',
  'layer/layer.ts',
  'registry/registry.ts',
  'image/image.ts',
  'log/log.ts',
  'volume/volume.ts',
  'network/network.ts',
  'container/container.ts',
  'sbom/sbom.ts',
  'build/build.ts',
  'registry-server/registry-server.ts',
];

/** What domains ask of each other, and give each other, is as free of implementations as their contracts. */
const ROLES = ['image/owned-images.ts', 'container/dependencies.ts', 'build/dependencies.ts'];

const source = import.meta.dirname;
const importPattern = /^(?:import|export)\s+type\s+(\{[^}]*\}|\*)\s+from\s+'(#[^']+|\.[^']+)';$/gm;

/** What is left of a file when its types and comments are taken away. */
function codeOf(text: string): string {
  return stripTypeScriptTypes(text, { mode: 'strip' })
    .replaceAll(/\/\*.*?\*\//gs, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
    .replaceAll(/^export \{\s*\};?$/gm, '')
    .replaceAll(/[\s;]+/g, ' ')
    .trim();
}

interface NamedImport {
  readonly path: string;
  readonly names: readonly string[];
}

function importsOf(path: string, text: string): readonly NamedImport[] {
  return [...text.matchAll(importPattern)].map(([, names = '', specifier = '']) => ({
    path: specifier.startsWith('#') ? specifier.slice(1) : join(path, '..', specifier),
    names: names.split(/[{},\s]+/).filter((name) => name !== '' && name !== '*'),
  }));
}

function readSource(path: string): string {
  return existsSync(join(source, path)) ? readFileSync(join(source, path), 'utf8') : '';
}

/** The faults of a contract and of the files of types that it is divided into. */
function faultsOf(path: string, seen: Set<string>): readonly string[] {
  seen.add(path);
  return importsOf(path, readSource(path)).flatMap((each) => {
    const text = readSource(each.path);
    const classes = each.names.filter((name) =>
      new RegExp(`^export (abstract )?class ${name}\\b`, 'm').test(text),
    );
    const faults = classes.map((name) => `${path}: ${name} of ${each.path} is a class`);
    const isOnlyTypes = text !== '' && codeOf(text) === '';
    return isOnlyTypes && !seen.has(each.path) ? [...faults, ...faultsOf(each.path, seen)] : faults;
  });
}

test('contracts are types alone', () => {
  for (const path of [...CONTRACTS, ...ROLES]) {
    const text = readSource(path);
    assert.notEqual(text, '', `${path}: there is no such file`);
    assert.equal(codeOf(text), '', path);
  }
});

test('contracts import no implementation', () => {
  const seen = new Set<string>();
  assert.deepEqual(
    [...CONTRACTS, ...ROLES].flatMap((path) => faultsOf(path, seen)),
    [],
  );
  assert.ok(seen.size > CONTRACTS.length, 'no file of types was looked into');
});

test('a contract shows by an example how its parts are used', () => {
  const mute = CONTRACTS.filter((path) => !/^ \* ```ts$/m.test(readSource(path)));
  assert.deepEqual(mute, []);
});
