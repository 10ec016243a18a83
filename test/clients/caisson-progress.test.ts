/** Pull and push on terminals, wide, narrow and low, and where there is none. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { imagesArchive } from '../fixtures/images-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { Served } from '../registry-server/served.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, runProgram } from '../support/docker.ts';
import { screenAfter } from '../support/screen.ts';
import { Terminal } from '../support/terminal.ts';

/** The source, not what may have been compiled from an older one. */
const caisson = join(import.meta.dirname, '../../src/main/caisson.ts');

const LAYERS = 8;

const servers = new AsyncDisposableStack();
let engine: TestDaemon;
let name = '';

before(async () => {
  const registry = servers.use(await Served.start());
  engine = servers.use(await TestDaemon.start('--network-pool', '1'));
  name = `${registry.registry.address}/progress/app:1`;
  const layers = Array.from({ length: LAYERS }, (_, index) =>
    tarOf({ path: `file-${index}`, content: Buffer.alloc(200_000, `${index}`) }),
  );
  await dockerOk(engine, ['load', '-q'], { input: imagesArchive([{ reference: name, layers }]) });
});
after(() => servers.disposeAsync());

/** What a terminal of this size shows when the command has ended. */
async function shown(
  size: { rows: number; columns: number },
  ...args: readonly string[]
): Promise<readonly string[]> {
  // The shell's last words come after everything that the command printed.
  const line = [process.execPath, caisson, '-H', engine.host, ...args].map((word) => `'${word}'`).join(' ');
  using terminal = Terminal.open(['sh', '-c', `${line}; echo "ended with $?"`], size);
  await terminal.until(/ended with \d+\r\n/);
  const lines = screenAfter(terminal.screen, size).filter((text) => text !== '');
  assert.equal(lines.at(-1), 'ended with 0', lines.join('\n'));
  return lines.slice(0, -1);
}

test('on a terminal each layer has one line, whatever its size', async () => {
  for (const size of [
    { rows: 24, columns: 120 },
    { rows: 24, columns: 30 },
  ]) {
    const pushed = await shown(size, 'push', name);
    const layers = pushed.filter((line) => /^[0-9a-f]{12}: /.test(line));
    assert.equal(layers.length, LAYERS, pushed.join('\n'));
    assert.ok(
      layers.every((line) => /: (?:Pushed|Layer already e)/.test(line)),
      pushed.join('\n'),
    );
    await dockerOk(engine, ['rmi', name]);
    const pulled = await shown(size, 'pull', name);
    const done = pulled.filter((line) => /^[0-9a-f]{12}: Pull complete$/.test(line));
    assert.equal(done.length, LAYERS, pulled.join('\n'));
    assert.equal(pulled.length, pulled.filter((line) => line.length <= size.columns).length);
    assert.match(pulled.join(''), /Digest: sha256:[0-9a-f]{64}Status: Downloaded newer image for/);
  }
});

test('a terminal with fewer rows than layers shows the last of them truly', async () => {
  await dockerOk(engine, ['rmi', name]);
  const pulled = await shown({ rows: 6, columns: 80 }, 'pull', name);
  const lines = pulled.filter((line) => /^[0-9a-f]{12}: /.test(line));
  assert.equal(lines.length, LAYERS, pulled.join('\n'));
  assert.ok(
    lines.slice(-5).every((line) => line.endsWith(': Pull complete')),
    pulled.join('\n'),
  );
});

test('where there is no terminal each change is a line, and quiet prints the name alone', async () => {
  const run = (...args: readonly string[]) =>
    runProgram(process.execPath, [caisson, '-H', engine.host, ...args]);
  await dockerOk(engine, ['rmi', name]);
  const pulled = await run('pull', name);
  assert.equal(pulled.exitCode, 0, pulled.stderr);
  assert.ok(!pulled.stdout.includes('\u001b') && !pulled.stdout.includes('[='), pulled.stdout);
  assert.equal(pulled.stdout.match(/: Pull complete$/gm)?.length, LAYERS);
  assert.equal((await run('pull', '-q', name)).stdout, `${name}\n`);
  assert.equal((await run('push', '-q', name)).stdout, `${name}\n`);
});
