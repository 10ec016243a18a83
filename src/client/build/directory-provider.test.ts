import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  mkdtempDisposableSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WireEntry, WireFileQuery } from '#wire/build-session.ts';
import { diskDirectory, memoryDirectory } from './directory-provider.ts';
import type { DirectoryProvider } from './providers.ts';

function entriesOf(provider: DirectoryProvider, query: WireFileQuery): readonly WireEntry[] {
  const entries: WireEntry[] = [];
  provider.list(query, (entry) => void entries.push(entry));
  return entries;
}

const ALL = { directory: '', followPaths: [], includePatterns: [], excludePatterns: [] };

test('a file that changes between being told of and being sent', () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-provider-');
  const at = (name: string) => join(directory.path, name);
  for (const name of ['gone', 'grown', 'link', 'shrunk']) writeFileSync(at(name), 'four');
  const provider = diskDirectory(directory.path);
  const entries = entriesOf(provider, ALL);
  appendFileSync(at('grown'), ' and more');
  truncateSync(at('shrunk'), 1);
  for (const name of ['gone', 'link']) rmSync(at(name));
  symlinkSync('/etc/passwd', at('link'));
  const read = (path: string) => {
    const entry = entries.find((entry) => entry.path === path);
    assert.ok(entry);
    return Buffer.concat([...provider.read(entry)]).toString();
  };
  assert.deepEqual([read('grown'), read('shrunk')], ['four', 'f']);
  assert.throws(() => read('gone'), /Cannot send gone: it is gone since the build began/);
  assert.throws(() => read('link'), /Cannot send link: it is a link since the build began/);
});

test('texts that stand for files', () => {
  const provider = memoryDirectory(new Map([['Dockerfile', Buffer.from('FROM x')]]));
  assert.deepEqual(entriesOf(provider, { ...ALL, followPaths: ['other'] }), []);
  const [entry] = entriesOf(provider, { ...ALL, followPaths: ['Dockerfile'] });
  assert.equal(entry?.sizeBytes, 6);
});

test('a large text goes in parts, as frames are bounded', () => {
  const text = randomBytes(3_000_000);
  const provider = memoryDirectory(new Map([['Dockerfile', text]]));
  const [entry] = entriesOf(provider, ALL);
  const parts = [...provider.read(entry ?? assert.fail())];
  assert.ok(Buffer.concat(parts).equals(text));
  assert.ok(parts.every(({ length }) => length <= 1 << 18));
});
