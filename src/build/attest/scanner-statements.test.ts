import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { FileEntry, FileTree } from '../session/build-session.ts';
import { fileEntry } from '../export/export-tree.ts';
import { readStatements } from './scanner-statements.ts';

const entry = (name: string, text: string) => fileEntry(`run/out/${name}`, text.length, 0n);

function treeOf(files: Readonly<Record<string, string>>, more: readonly FileEntry[] = []): FileTree {
  return {
    async *entries() {
      yield fileEntry('run/elsewhere.json', 1, 0n);
      for (const [name, text] of Object.entries(files)) yield entry(name, text);
      yield* more;
    },
    contents: ({ path }) => Readable.from([Buffer.from(files[path.slice('run/out/'.length)] ?? '')]),
  };
}

const statement = (fields: object = {}) =>
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: 'https://spdx.dev/Document',
    subject: null,
    predicate: { spdxVersion: 'SPDX-2.3' },
    ...fields,
  });

test("the result's own list first; subjects only where a statement has some", async () => {
  const subject = [{ name: 'x', digest: { sha256: '00' } }];
  const files = { 'a.json': statement({ subject }), 'sbom.spdx.json': statement({ subject: [] }) };
  const common = { predicateType: 'https://spdx.dev/Document', predicate: { spdxVersion: 'SPDX-2.3' } };
  assert.deepEqual(await readStatements(treeOf(files)), [
    { fileName: 'sbom.spdx.json', ...common },
    { fileName: 'a.json', ...common, subject },
  ]);
});

const lies: readonly (readonly [FileTree, RegExp])[] = [
  [treeOf({}), /^it wrote nothing into \/run\/out$/],
  [treeOf({ s: '{' }), /^s: Cannot read in-toto statement: not JSON$/],
  [treeOf({ s: '[]' }), /it is not an object/],
  [treeOf({ s: '{"_type":"a","_type":"b"}' }), /a field is there twice/],
  [treeOf({ s: statement({ predicate: JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`) }) }), /nested/],
  [treeOf({ s: statement({ _type: 'other' }) }), /its type is "other"/],
  [
    treeOf({ s: statement({ predicateType: 'https://slsa.dev/provenance/v1' }) }),
    /its predicate is "https:\/\/slsa/,
  ],
  [treeOf({ s: statement({ predicate: 'text' }) }), /predicate is not an object/],
  [treeOf({ s: statement({ subject: [{ name: 1 }] }) }), /name is not a string/],
  [treeOf({ s: statement({ subject: [{ name: 'x', digest: { sha256: 1 } }] }) }), /digest has a value that/],
  [treeOf({}, [{ ...entry('s', ''), mode: 0o120777, linkName: '/etc/passwd' }]), /"s" is not a regular file/],
  [treeOf({}, [{ ...entry('s', ''), mode: 0o010644 }]), /"s" is not a regular file/],
  [treeOf({}, [entry('a\nb', '')]), /"a\\nb" is no name for a statement/],
  [treeOf({}, [entry('a/b', '')]), /"a\/b" is no name/],
  [treeOf({}, [{ ...entry('s', ''), sizeBytes: (40 << 20) + 1 }]), /s exceeds 41943040 bytes/],
  [
    treeOf(
      {},
      [1, 2, 3, 4].map((n) => ({ ...entry(`${n}`, ''), sizeBytes: 40 << 20 })),
    ),
    /statements exceed/,
  ],
  [
    treeOf(
      {},
      Array.from({ length: 101 }, (_, n) => entry(`${n}`, '')),
    ),
    /more than 100 files/,
  ],
];

test('what is none, or too much, is refused', async () => {
  for (const [tree, message] of lies)
    await assert.rejects(readStatements(tree), { name: 'EngineError', code: 'invalid', message });
});
