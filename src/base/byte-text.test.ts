import assert from 'node:assert/strict';
import { mkdirSync, mkdtempDisposableSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { bytesOfText, linkTarget, namesIn, placeOfText, textOfBytes } from './byte-text.ts';

const NAMES = ['', 'plain', 'caf\u00e9', '\ufffd', '\u{1f40b} whale', 'new\nline'].map((text) =>
  Buffer.from(text),
);
const OTHER = [
  'ff',
  '636166e9',
  'c3',
  'c328',
  'e28228',
  'f09f90',
  'c3a9ffe9c3a9',
  'eda080',
  'c080',
  'f5808080',
];

test('any bytes are a text, and the same bytes again', () => {
  for (const bytes of [...NAMES, ...OTHER.map((hex) => Buffer.from(hex, 'hex'))]) {
    const text = textOfBytes(bytes);
    assert.deepEqual(bytesOfText(text), bytes, bytes.toString('hex'));
    assert.deepEqual(bytesOfText(JSON.parse(JSON.stringify(text))), bytes);
    assert.ok(text.length <= bytes.length);
  }
  assert.equal(textOfBytes(Buffer.from('caf\u00e9')), 'caf\u00e9');
  assert.equal(textOfBytes(Buffer.from('636166e92f', 'hex')), 'caf\udce9/');
});

test('no text is a name with a separator that it does not show', () => {
  assert.equal(bytesOfText('a\udc2fb\udc00').includes(0x2f), false);
  assert.equal(bytesOfText('a\udc2fb\udc00').includes(0), false);
});

test('names and links of a directory', () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-names-');
  const root = directory.path;
  for (const name of ['b', 'caf\udce9', 'a']) mkdirSync(placeOfText(`${root}/${name}`));
  symlinkSync(bytesOfText('\udcff/x'), `${root}/link`);
  assert.deepEqual(namesIn(root), ['a', 'b', 'caf\udce9', 'link']);
  assert.deepEqual(namesIn(`${root}/caf\udce9`), []);
  assert.equal(linkTarget(`${root}/link`), '\udcff/x');
});
