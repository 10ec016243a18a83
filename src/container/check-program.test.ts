import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { messageOf } from '#base/errors.ts';
import { programHead } from '#oci/program-format.ts';
import { checkProgram, type ProgramPlace } from './check-program.ts';

const rootPath = mkdtempSync('/tmp/caisson-program-');
after(() => rmSync(rootPath, { recursive: true, force: true }));

/** For a machine that no emulator is for. */
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
  '/bin/loop': '#!/bin/loop\n',
};

mkdirSync(join(rootPath, 'bin'));
for (const [path, content] of Object.entries(FILES))
  writeFileSync(join(rootPath, path), content, { mode: 0o755 });
copyFileSync('/usr/bin/busybox', join(rootPath, 'bin/sh'));
writeFileSync(join(rootPath, 'bin/data'), foreign, { mode: 0o644 });
symlinkSync('/bin/foreign', join(rootPath, 'linked'));
symlinkSync('/../..//bin/sh', join(rootPath, 'shell'));

function verdict(program: string, more: Partial<ProgramPlace> = {}): string {
  const process = { args: [program], env: ['PATH=/nowhere:/bin'], cwd: '/' };
  try {
    checkProgram({ rootPath, process, mounts: [], ...more });
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
            os._exit(100 if error.errno == errno.ENOEXEC else 0)
    _, status = os.waitpid(child, 0)
    print("refused" if os.waitstatus_to_exitcode(status) == 100 else "not refused")
`;

test('refused is what the kernel refuses', () => {
  const paths = [...Object.keys(FILES), '/linked', '/shell', '/bin/data', '/bin'];
  const outcome = spawnSync('python3', ['-c', EXECUTE, rootPath, ...paths], { encoding: 'utf8' });
  const expected = outcome.stdout.split('\n').map((line, index) => `${paths[index]}: ${line}`);
  const verdicts = paths.map(
    (path) => `${path}: ${verdict(path).includes('exec format error') ? 'refused' : 'not refused'}`,
  );
  assert.deepEqual(verdicts, expected.slice(0, paths.length), outcome.stderr);
  assert.equal(expected.filter((line) => line.endsWith(': refused')).length, 5);
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
});

test('what is no program is told from what is for another machine', () => {
  assert.match(verdict('/bin/words'), /neither a Linux program nor a script, whose first line is #!/);
  assert.match(verdict('/bin/foreign'), /for another machine, .*no emulator .*qemu-user-binfmt/);
});
