/** Logging in at a terminal, as a person does: what is asked, what is read, and that no password is ever shown. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runProgram } from '../support/docker.ts';
import { compiled, compileOwnCli, fromSource, hasBun } from '../support/own-cli.ts';
import { startSubject, type Subject } from '../support/subject.ts';
import { Terminal } from '../support/terminal.ts';

const SECRET = 'geheimnüß';
const scratch = mkdtempSync('/tmp/caisson-login-');

let engine: Subject;
let registry: Server;
let server: string;

before(async () => {
  engine = await startSubject();
  registry = createServer((request, response) => {
    const expected = `Basic ${Buffer.from(`ann:${SECRET}`).toString('base64')}`;
    const allowed = request.headers.authorization === expected;
    response.writeHead(allowed ? 200 : 401, { 'WWW-Authenticate': 'Basic realm="test"' }).end('{}');
  });
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
  const address = registry.address();
  assert.ok(typeof address === 'object' && address);
  server = `127.0.0.1:${address.port}`;
  await compileOwnCli();
});

after(async () => {
  registry.close();
  registry.closeAllConnections();
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

describe('from source', () => suite(() => fromSource));
describe('compiled', { skip: !hasBun && 'Bun is not installed' }, () => suite(() => compiled));

function suite(command: () => readonly string[]): void {
  const login = (directory: string, ...flags: readonly string[]): readonly string[] => [
    'env',
    `DOCKER_CONFIG=${directory}`,
    ...command(),
    '-H',
    engine.host,
    'login',
    ...flags,
    server,
  ];
  const stored = { auth: Buffer.from(`ann:${SECRET}`).toString('base64') };

  test('the name and then the password are asked for, and the password is not shown', async () => {
    const directory = mkdtempSync(join(scratch, 'config-'));
    using terminal = Terminal.open(login(directory));
    await terminal.until(/Username: /);
    terminal.type('ann\r');
    await terminal.until(/Password: /);
    // Taking back a character takes all of its bytes.
    terminal.type(`${SECRET}é\u007f\r`);
    await terminal.until(/Login Succeeded/);
    assert.equal(await terminal.exitCode(), 0);
    assert.doesNotMatch(terminal.screen, /geheim|ß/);
    assert.deepEqual(storedIn(directory), stored);
  });

  test('what is typed before the question answers it', async () => {
    const directory = mkdtempSync(join(scratch, 'config-'));
    using terminal = Terminal.open(login(directory));
    terminal.type(`ann\r${SECRET}\r`);
    await terminal.until(/Login Succeeded/);
    assert.equal(await terminal.exitCode(), 0);
    assert.deepEqual(storedIn(directory), stored);
  });

  test('with a name given, only the password is asked for', async () => {
    const directory = mkdtempSync(join(scratch, 'config-'));
    using terminal = Terminal.open(login(directory, '-u', 'ann'));
    await terminal.until(/Password: /);
    terminal.type(`${SECRET}\r`);
    await terminal.until(/Login Succeeded/);
    assert.equal(await terminal.exitCode(), 0);
    assert.doesNotMatch(terminal.screen, /Username/);
  });

  for (const [name, at, keys, exitCode] of [
    ['the end of the input at the name', /Username: /, '\u0004', 1],
    ['the end of the input at the password', /Password: /, '\u0004', 1],
    ['Ctrl-C at the password', /Password: /, '\u0003', 130],
    ['an empty password', /Password: /, '\r', 1],
  ] as const) {
    test(`${name} is a failure, and nothing is stored`, async () => {
      const directory = mkdtempSync(join(scratch, 'config-'));
      using terminal = Terminal.open(login(directory, ...(at.source.startsWith('P') ? ['-u', 'ann'] : [])));
      await terminal.until(at);
      terminal.type(keys);
      assert.equal(await terminal.exitCode(), exitCode);
      assert.throws(() => storedIn(directory), { code: 'ENOENT' });
    });
  }

  test('an empty password from standard input is refused', async () => {
    const directory = mkdtempSync(join(scratch, 'config-'));
    const [program = '', ...rest] = login(directory, '-u', 'ann', '--password-stdin');
    const outcome = await runProgram(program, rest, { input: Buffer.from('\n') });
    assert.deepEqual([outcome.exitCode, outcome.stderr], [1, 'Error: Password Required\n']);
    assert.throws(() => storedIn(directory), { code: 'ENOENT' });
  });
}

function storedIn(directory: string): unknown {
  return JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')).auths[server];
}
