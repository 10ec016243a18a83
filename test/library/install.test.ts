/** The library as its users get it: packed, installed into an empty project, and run on every Node that it supports. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempDisposableSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { startRegistry } from '#registry-server/index.ts';
import { valkeyRootTar } from '../fixtures/valkey-image.ts';
import { BuildEngine } from '../support/build-engine.ts';
import { runProgram } from '../support/docker.ts';

const HOME = join(import.meta.dirname, '../..');
const NODES = {
  22: join(HOME, '.cache/nodes/node-22/bin/node'),
  24: join(HOME, '.cache/nodes/node-24/bin/node'),
  26: process.execPath,
};

const subject = await BuildEngine.forTests();
const scratch = mkdtempDisposableSync('/var/tmp/caisson-install-');
const project = join(scratch.path, 'project');
const registry = await startRegistry({
  root: join(scratch.path, 'registry'),
  listen: { port: 0, host: '127.0.0.1' },
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

before(async () => {
  const archive = packed();
  mkdirSync(project);
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'user', private: true, type: 'module' }),
  );
  npm(project, 'install', '--omit=optional', archive);
  cpSync(join(HOME, 'examples/test-suite'), join(project, 'suite'), { recursive: true });
});

/** `npm pack` of what git has, and what is being changed, beside this checkout so that nothing here is exchanged. */
function packed(): string {
  const copy = join(scratch.path, 'checkout');
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: HOME,
  });
  for (const file of list.toString().split('\0').filter(Boolean)) {
    const target = join(copy, file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(HOME, file), target, { force: true });
  }
  symlinkSync(join(HOME, 'node_modules'), join(copy, 'node_modules'));
  npm(copy, 'pack', '--pack-destination', scratch.path);
  const [archive] = readdirSync(scratch.path).filter((name) => name.endsWith('.tgz'));
  return join(scratch.path, archive ?? '');
}

function npm(cwd: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(
    'npm',
    [...args, '--ignore-scripts=false', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd,
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stderr);
}

test('its types are those of the sources', async () => {
  const options = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    strict: true,
  };
  const only = { noEmit: true, allowImportingTsExtensions: true, erasableSyntaxOnly: true, types: ['node'] };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...options, ...only }, include: ['suite', 'wrong.ts'] }),
  );
  const tsc = join(HOME, 'node_modules/.bin/tsc');
  const right = await runProgram(tsc, ['-p', project]);
  assert.equal(right.exitCode, 0, right.stdout);
  writeFileSync(
    join(project, 'wrong.ts'),
    "import { Engine } from 'caisson';\nawait (await Engine.start({ root: '/' })).containers.run({ image: 1 });\n",
  );
  const wrong = await runProgram(tsc, ['-p', project]);
  assert.match(
    wrong.stdout,
    /wrong\.ts\(2,\d+\): error TS2322: Type 'number' is not assignable to type 'string'/,
  );
});

test('its programs say what they are', async () => {
  for (const name of ['caisson', 'caissond', 'caisson-registry']) {
    const { exitCode, stdout, stderr } = await runProgram(join(project, 'node_modules/.bin', name), [
      '--help',
    ]);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /Usage/i);
  }
});

for (const [version, node] of Object.entries(NODES)) {
  test(`a test suite has a database for each file, on Node ${version}`, async (t) => {
    const image = await pushedImage();
    // With that variable, the inner run would speak to this one's reporter.
    const words = [
      '-u',
      'NODE_TEST_CONTEXT',
      `DATABASE_IMAGE=${image}`,
      node,
      '--test',
      '--test-reporter=spec',
    ];
    const outcome = await runProgram('env', [...words, 'suite/*.test.ts'], { cwd: project });
    assert.equal(outcome.exitCode, 0, outcome.stdout + outcome.stderr);
    assert.match(outcome.stdout, /pass 2\n/);
    for (const line of outcome.stdout.split('\n'))
      if (line.includes('ready after')) t.diagnostic(line.trim());
  });
}

async function pushedImage(): Promise<string> {
  const { images } = subject.engine;
  const reference = `${registry.address}/valkey:8`;
  const changes = ['ENTRYPOINT ["/usr/bin/valkey-server"]', 'CMD ["--save", "", "--protected-mode", "no"]'];
  await images.import({ archive: Readable.from([valkeyRootTar()]), reference, changes });
  for await (const _ of images.push({ reference })) {
    // Until it is there.
  }
  return reference;
}
