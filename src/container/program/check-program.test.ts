import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { messageOf } from '#base/errors.ts';
import { programHead } from '#oci/program-format.ts';
import { promptly } from '../files/root-access.ts';
import { checkProgram, type ProgramPlace } from './check-program.ts';

const rootPath = mkdtempSync('/tmp/caisson-program-');
after(() => rmSync(rootPath, { recursive: true, force: true }));

/** A program for a machine that has no emulator. */
const foreign = programHead('amd64') ?? assert.fail();
foreign.writeUInt16LE(0x7fff, 18);

const FILES: Readonly<Record<string, string | Buffer>> = {
  '/bin/foreign': foreign,
  '/bin/empty': '',
  '/bin/words': 'echo hello\n',
  '/bin/script': '#!/bin/sh\nexit 0\n',
  '/bin/foreign-script': '#!/bin/foreign -x\n',
  '/bin/twice': '#!/bin/script\n',
  '/bin/lost': '#!/no/such/interpreter\n',
  '/bin/windows': '#!/bin/sh\r\nexit 0\r\n',
  '/bin/loop': '#!/bin/loop\n',
};

mkdirSync(join(rootPath, 'bin'));
mkdirSync(join(rootPath, 'opt/lib'), { recursive: true });
for (const [path, content] of Object.entries(FILES))
  writeFileSync(join(rootPath, path), content, { mode: 0o755 });
copyFileSync('/usr/bin/busybox', join(rootPath, 'bin/sh'));
writeFileSync(join(rootPath, 'bin/data'), foreign, { mode: 0o644 });
symlinkSync('/bin/foreign', join(rootPath, 'linked'));
symlinkSync('/../..//bin/sh', join(rootPath, 'shell'));
// Dynamically linked, for a loader that is not there.
copyFileSync('/usr/bin/true', join(rootPath, 'bin/dynamic'));
symlinkSync('/opt/lib', join(rootPath, 'lib64'));

function verdict(program: string, more: Partial<ProgramPlace> = {}): string {
  const process = { args: [program], env: ['PATH=/nowhere:/bin'], cwd: '/' };
  try {
    checkProgram({ rootPath, process, mounts: [], ...more }, promptly);
    return '';
  } catch (error) {
    return messageOf(error);
  }
}

/** Says for each path whether the kernel takes it for a program: chroot(1) would have a shell try the others. */
const EXECUTE = `
import errno, os, sys
os.chroot(sys.argv[1])
os.chdir("/")
for path in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        try:
            os.execv(path, [path])
        except OSError as error:
            os._exit({errno.ENOEXEC: 100, errno.ENOENT: 101}.get(error.errno, 0))
    _, status = os.waitpid(child, 0)
    print({100: "exec format error", 101: "no such file"}.get(os.waitstatus_to_exitcode(status), "run"))
`;

function kindOf(text: string): string {
  return /exec format error|no such file/.exec(text)?.[0] ?? (text === '' ? 'run' : text);
}

test('refused is what the kernel refuses', () => {
  const paths = [...Object.keys(FILES), '/linked', '/shell', '/bin/dynamic', '/bin/data', '/bin'];
  const outcome = spawnSync('python3', ['-c', EXECUTE, rootPath, ...paths], { encoding: 'utf8' });
  const expected = outcome.stdout.trimEnd().split('\n');
  const verdicts = paths.map((path) => `${path}: ${kindOf(verdict(path))}`);
  assert.deepEqual(
    verdicts,
    paths.map((path, index) => `${path}: ${expected[index]}`),
    outcome.stderr,
  );
  const count = (kind: string) => expected.filter((line) => line === kind).length;
  assert.deepEqual([count('exec format error'), count('no such file')], [5, 3]);
});

test('found as runtimes find it', () => {
  assert.match(
    verdict('foreign'),
    /^Cannot run foreign \(\/bin\/foreign\): exec format error: it is a program/,
  );
  const process = { args: ['./foreign'], env: [], cwd: '/bin' };
  assert.match(verdict('', { process }), /^Cannot run .\/foreign/);
  assert.equal(verdict('no-such-program'), '');
  assert.equal(verdict('foreign', { process: { args: ['foreign'], env: [], cwd: '/' } }), '');
});

test('what a mount hides is not judged', () => {
  for (const destination of ['/bin', '/bin/foreign'])
    for (const path of ['/bin/foreign', '/linked', '/bin/foreign-script'])
      assert.equal(verdict(path, { mounts: [{ destination }] }), '', `${path} below ${destination}`);
  assert.notEqual(verdict('/bin/foreign', { mounts: [{ destination: '/bi' }] }), '');
  assert.equal(verdict('foreign', { mounts: [{ destination: '/nowhere' }] }), '', 'it may be found earlier');
  for (const destination of ['/lib64', '/opt', '/opt/lib/ld-linux-x86-64.so.2'])
    assert.equal(verdict('/bin/dynamic', { mounts: [{ destination }] }), '', `the loader in ${destination}`);
  assert.equal(verdict('/bin/lost', { mounts: [{ destination: '/no' }] }), '', 'the interpreter');
});

test('what a program needs is named, and what to do', () => {
  assert.match(verdict('/bin/lost'), /no such file or directory: "\/no\/such\/interpreter", .* install it/);
  assert.match(verdict('/bin/windows'), /"\/bin\/sh\\r", .* carriage return, so save the file/);
  assert.match(verdict('/bin/dynamic'), /ld-linux.*, the dynamic loader .* link the program statically/);
});

test('what is no program is told from what is for another machine', () => {
  assert.match(verdict('/bin/words'), /neither a Linux program nor a script, whose first line is #!/);
  assert.match(verdict('/bin/foreign'), /for another machine, .*no emulator .*qemu-user-binfmt/);
});
