import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { FileTree } from '../../build-session.ts';
import { fileEntry } from '../../export/export-tree.ts';
import { spdxDocument } from '../spdx.ts';
import { findPackages } from './find-packages.ts';

function treeOf(files: Readonly<Record<string, string>>): FileTree {
  return {
    async *entries() {
      for (const [path, text] of Object.entries(files)) yield fileEntry(path, text.length, 0n);
    },
    contents: ({ path }) => Readable.from([Buffer.from(files[path] ?? '')]),
  };
}

const purlsIn = async (files: Readonly<Record<string, string>>) =>
  (await findPackages(treeOf(files))).map(({ purl }) => purl);

const debian = 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian"\n';

test('dpkg: what is installed, with its epoch; what was removed is not', async () => {
  const status = `Package: bash
Status: install ok installed
Architecture: amd64
Version: 1:5.2+b1
Description: a shell
 Version: not this one

Package: gone
Status: deinstall ok config-files
Version: 1
`;
  assert.deepEqual(await purlsIn({ 'etc/os-release': debian, 'var/lib/dpkg/status': status }), [
    'pkg:deb/debian/bash@1%3A5.2%2Bb1?arch=amd64&distro=debian-13',
  ]);
});

test('dpkg in images without dpkg: a file a package', async () => {
  const files = {
    'usr/lib/os-release': debian,
    'var/lib/dpkg/status.d/base': 'Package: base-files\nVersion: 12\nArchitecture: all\n',
    'var/lib/dpkg/status.d/base.md5sums': 'Package: no\nVersion: no\n',
  };
  assert.deepEqual(await purlsIn(files), ['pkg:deb/debian/base-files@12?arch=all&distro=debian-13']);
});

test('apk', async () => {
  const installed = 'C:Q1\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\nC:Q2\nP:busybox\nV:1.36\nA:x86_64\n';
  const release = 'ID=alpine\nVERSION_ID=3.20.1\n';
  const files = { 'etc/os-release': release, 'lib/apk/db/installed': installed };
  const packages = await findPackages(treeOf(files));
  assert.deepEqual(
    packages.map(({ name, version, license }) => [name, version, license]),
    [
      ['busybox', '1.36', ''],
      ['musl', '1.2.5-r0', 'MIT'],
    ],
  );
  assert.equal(packages[1]?.purl, 'pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1');
});

test('npm: lockfiles of all versions, scopes, links left out; what is none is nothing', async () => {
  const v3 = {
    packages: {
      '': { name: 'app', version: '1.0.0' },
      'node_modules/@scope/a': { version: '2.0.0', license: 'MIT' },
      'node_modules/@scope/a/node_modules/b': { version: '3.0.0' },
      'node_modules/linked': { link: true, version: '1' },
    },
  };
  const v1 = { dependencies: { c: { version: '1.0.0', dependencies: { d: { version: '2.0.0' } } } } };
  const files = {
    'app/package-lock.json': JSON.stringify(v3),
    'old/npm-shrinkwrap.json': JSON.stringify(v1),
    'broken/package-lock.json': '{',
    'app/not-package-lock.json': JSON.stringify({ packages: { 'node_modules/x': { version: '1' } } }),
  };
  assert.deepEqual(await purlsIn(files), [
    'pkg:npm/%40scope/a@2.0.0',
    'pkg:npm/app@1.0.0',
    'pkg:npm/b@3.0.0',
    'pkg:npm/c@1.0.0',
    'pkg:npm/d@2.0.0',
  ]);
});

test('documents: equal for equal packages, ids that SPDX allows', async () => {
  const packages = await findPackages(
    treeOf({ 'lib/apk/db/installed': 'P:libstdc++\nV:1\nL:GPL-2.0-or-later AND (x\n' }),
  );
  const options = { name: 'app', created: '2020-09-13T12:26:40.5Z' };
  const document = JSON.parse(JSON.stringify(spdxDocument(packages, options)));
  assert.deepEqual(JSON.parse(JSON.stringify(spdxDocument(packages, options))), document);
  assert.equal(document.creationInfo.created, '2020-09-13T12:26:40Z');
  const [found] = document.packages;
  assert.match(found.SPDXID, /^SPDXRef-Package-libstdc---[0-9a-f]{16}$/);
  assert.equal(found.licenseDeclared, 'NOASSERTION');
  assert.equal(document.relationships[0].relatedSpdxElement, found.SPDXID);
});
