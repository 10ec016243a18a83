import assert from 'node:assert/strict';
import { test } from 'node:test';
import { regularFile } from './tree-entry.fixture.ts';
import { spdxDocument } from './spdx.ts';
import { findPackages } from './find-packages.ts';
import type { PackageTree } from './sbom.ts';

/** @param mode of all */
function treeOf(files: Readonly<Record<string, string | Buffer>>, mode = 0o644): PackageTree {
  const bytesOf = (path: string) => Buffer.from(files[path] ?? '');
  return {
    async *entries() {
      for (const path of Object.keys(files)) yield regularFile(path, bytesOf(path).length, mode);
    },
    open: async ({ path }) => ({
      read: async (offset, length) => bytesOf(path).subarray(offset, offset + length),
      [Symbol.asyncDispose]: async () => undefined,
    }),
  };
}

const purlsIn = async (files: Readonly<Record<string, string | Buffer>>) =>
  (await findPackages(treeOf(files))).packages.map(({ purl }) => purl);

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
  const { packages } = await findPackages(treeOf(files));
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
  const found = await findPackages(
    treeOf({ 'lib/apk/db/installed': 'P:libstdc++\nV:1\nL:GPL-2.0-or-later AND (x\n' }),
  );
  const options = { name: 'app', created: '2020-09-13T12:26:40.5Z' };
  const document = JSON.parse(JSON.stringify(spdxDocument(found, options)));
  assert.deepEqual(JSON.parse(JSON.stringify(spdxDocument(found, options))), document);
  assert.equal(document.creationInfo.created, '2020-09-13T12:26:40Z');
  const [libstdc] = document.packages;
  assert.match(libstdc.SPDXID, /^SPDXRef-Package-libstdc---[0-9a-f]{16}$/);
  assert.equal(libstdc.licenseDeclared, 'NOASSERTION');
  assert.equal(document.relationships[0].relatedSpdxElement, libstdc.SPDXID);
});

test('python: wheels and eggs, of any depth; their names in one form', async () => {
  const files = {
    'usr/lib/python3/dist-packages/zope.interface-7.2.dist-info/METADATA':
      'Metadata-Version: 2.1\nName: Zope.Interface\nVersion: 7.2\nLicense: ZPL-2.1\n\nVersion: none\n',
    'app/x.egg-info/PKG-INFO': 'Name: x_y\nVersion: 1\n',
    'usr/lib/python3/z.egg-info': 'Name: z\nVersion: 2\n',
    'app/METADATA': 'Name: no\nVersion: 1\n',
  };
  assert.deepEqual(await purlsIn(files), ['pkg:pypi/x-y@1', 'pkg:pypi/z@2', 'pkg:pypi/zope-interface@7.2']);
});

test('gems', async () => {
  const text =
    'Gem::Specification.new do |s|\n  s.name = "rake".freeze\n  s.version = "13.2.1"\n  s.licenses = ["MIT".freeze]\nend\n';
  const files = { 'var/lib/gems/3.3.0/specifications/rake-13.2.1.gemspec': text };
  const { packages } = await findPackages(treeOf(files));
  assert.deepEqual(
    packages.map(({ purl, license }) => [purl, license]),
    [['pkg:gem/rake@13.2.1', 'MIT']],
  );
});

test('what is not understood is told, and the rest is listed', async () => {
  const files = {
    'var/lib/rpm/Packages': 'x',
    'var/lib/rpm/rpmdb.sqlite': 'not a database'.repeat(100),
    'lib/apk/db/installed': 'P:musl\nV:1\n',
  };
  const found = await findPackages(treeOf(files));
  assert.deepEqual(
    found.packages.map(({ name }) => name),
    ['musl'],
  );
  const document = JSON.stringify(spdxDocument(found, { name: 'x', created: '2020-09-13T12:26:40Z' }));
  assert.match(
    document,
    /"comment":"Not all packages may be listed: \/var\/lib\/rpm\/Packages: the database is damaged/,
  );
  assert.match(document, /rpmdb\.sqlite: file is not a database/);
});
