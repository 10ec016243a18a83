/** A registry that was started on a terminal ends with it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '#base/testing.ts';
import { freePort } from '../support/free-port.ts';
import { tryFetchPage } from '../support/http.ts';
import { Terminal } from '../support/terminal.ts';
import { compiled, compileOwnCli, fromSource, hasBun } from '../support/own-cli.ts';

const scratch = mkdtempSync('/tmp/caisson-serve-');
before(compileOwnCli);
after(() => rmSync(scratch, { recursive: true, force: true }));

describe('from source', () => suite(() => fromSource));
describe('compiled', { skip: !hasBun && 'Bun is not installed' }, () => suite(() => compiled));

function suite(command: () => readonly string[]): void {
  for (const signal of ['SIGHUP', 'SIGTERM'] as const) {
    test(`registry serve ends at ${signal}, and gives its port back`, async () => {
      const where = `127.0.0.1:${await freePort()}`;
      const [program = '', ...words] = command();
      const root = mkdtempSync(join(scratch, 'root-'));
      const args = [...words, 'registry', 'serve', '--root', root, '--listen', where];
      const child = spawn(program, args, { stdio: 'ignore' });
      const exited = once(child, 'exit');
      await until(async () => (await tryFetchPage(`${where}/v2`)) !== undefined, 'the registry answers');
      child.kill(signal);
      assert.deepEqual(await exited, [0, null]);
      assert.equal(await tryFetchPage(`${where}/v2`), undefined);
    });
  }
}

async function serve(start: (args: readonly string[]) => { readonly pid?: number | undefined }) {
  const where = `127.0.0.1:${await freePort()}`;
  const { pid = 0 } = start(['serve', '--root', mkdtempSync(join(scratch, 'root-')), '--listen', where]);
  const answers = async () => (await tryFetchPage(`${where}/v2`)) !== undefined;
  await until(answers, 'the registry answers');
  return { pid, answers };
}

test('a registry of its own ends with the terminal that it is on, and as a daemon does not mind', async () => {
  const program = join(import.meta.dirname, '../../bin/caisson-registry');
  const terminals: Terminal[] = [];
  const onTerminal = await serve((args) => {
    const terminal = Terminal.open([program, ...args]);
    terminals.push(terminal);
    return terminal;
  });
  using terminal = terminals[0];
  // The terminal hangs up.
  terminal?.close();
  await until(async () => !(await onTerminal.answers()), 'the registry ended');
  const daemon = await serve((args) => spawn(program, args, { stdio: 'ignore' }));
  process.kill(daemon.pid, 'SIGHUP');
  assert.ok(await daemon.answers());
  process.kill(daemon.pid, 'SIGTERM');
  await until(async () => !(await daemon.answers()), 'the registry ended');
});
