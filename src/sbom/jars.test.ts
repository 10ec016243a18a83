import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { regularFile } from './tree-entry.fixture.ts';
import { findPackages } from './find-packages.ts';
import type { PackageTree } from './sbom.ts';

const scratch = mkdtempSync('/tmp/caisson-jars-');

after(() => rmSync(scratch, { recursive: true, force: true }));

/** Made by Python's zipfile: a jar in a jar, stored, and one in that, deflated; before it, a script that starts it. */
const PROGRAM = `
import io, sys, zipfile
def jar(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        for name, data, how in members: z.writestr(name, data, how)
    return out.getvalue()
S, D = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
def pom(group, name, version):
    return ('META-INF/maven/%s/%s/pom.properties' % (group, name),
        '#Created\\nartifactId=%s\\ngroupId=%s\\nversion=%s\\n' % (name, group, version), D)
inner = jar([pom('org.inner', 'c', '3')])
middle = jar([pom('org.middle', 'b', '2'), ('lib/c.jar', inner, D), ('lib/', '', S)])
plain = jar([('x.class', 'x', D)])
outer = jar([pom('org.outer', 'a', '1.0-SNAPSHOT'), ('BOOT-INF/lib/b.jar', middle, S), ('lib/named-1.2.jar', plain, S)])
open(sys.argv[1], 'wb').write(b'#!/bin/sh\\nexec java -jar "$0"\\n' + outer)
`;

function treeOf(path: string, bytes: Buffer): PackageTree {
  return {
    async *entries() {
      yield regularFile(path, bytes.length);
    },
    open: async () => ({
      read: async (offset, length) => bytes.subarray(offset, offset + length),
      [Symbol.asyncDispose]: async () => undefined,
    }),
  };
}

test('jars in jars, stored and compressed, behind a script; ends and turned bits are no crash', async () => {
  const path = join(scratch, 'app.jar');
  const { status, stderr } = spawnSync('python3', ['-c', PROGRAM, path], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const whole = readFileSync(path);
  const { packages, unread } = await findPackages(treeOf('app/app.jar', whole));
  assert.deepEqual(unread, []);
  assert.deepEqual(
    packages.map(({ purl }) => purl),
    [
      'pkg:maven/named/named@1.2',
      'pkg:maven/org.inner/c@3',
      'pkg:maven/org.middle/b@2',
      'pkg:maven/org.outer/a@1.0-SNAPSHOT',
    ],
  );
  for (let at = 0; at < whole.length; at += 7) {
    await findPackages(treeOf('app.jar', whole.subarray(0, at)));
    const turned = Buffer.from(whole);
    turned[at] = (turned[at] ?? 0) ^ 0xff;
    await findPackages(treeOf('app.jar', turned));
  }
});

const BOMB = `
import io, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, 'w') as z:
    for i in range(3): z.writestr('%d.jar' % i, bytes(25 << 20), zipfile.ZIP_DEFLATED)
open(sys.argv[1], 'wb').write(out.getvalue())
`;

test('one that holds much more than it is is left alone, and told', async () => {
  const path = join(scratch, 'bomb.jar');
  const { status, stderr } = spawnSync('python3', ['-c', BOMB, path], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const { unread } = await findPackages(treeOf('bomb.jar', readFileSync(path)));
  assert.deepEqual(unread, ['/bomb.jar: it holds more than its size explains']);
});

test('what is no archive is nothing', async () => {
  assert.deepEqual(await findPackages(treeOf('x.jar', Buffer.from('no'))), { packages: [], unread: [] });
});
