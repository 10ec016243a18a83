/** The agent against OpenSSH's own tools. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type AgentSource, agentSource } from './agent-source.ts';
import { agentStream } from './agent-stream.ts';

const KINDS = [
  ['ed25519', []],
  ['rsa', ['-b', '1024']],
  ['ecdsa', ['-b', '256']],
  ['ecdsa-521', ['-b', '521']],
  ['rsa-pem', ['-b', '1024', '-m', 'PEM']],
  ['ecdsa-pkcs8', ['-b', '384', '-m', 'PKCS8']],
] as const;

function generate(directory: string, kind: string, flags: readonly string[], passphrase = ''): string {
  const path = join(directory, kind);
  const [type = ''] = kind.split('-');
  execFileSync('ssh-keygen', ['-q', '-t', type, ...flags, '-N', passphrase, '-C', `key ${kind}`, '-f', path]);
  return path;
}

/** The source on a socket, where tools look for it. */
async function serve(source: AgentSource, path: string): Promise<AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    void source.open().then((agent) => socket.pipe(agent).pipe(socket));
  });
  server.listen(path);
  await once(server, 'listening');
  return { [Symbol.asyncDispose]: async () => void (await once(server.close(), 'close')) };
}

async function tool(program: string, args: readonly string[], socket: string): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { env: { SSH_AUTH_SOCK: socket } });
  return stdout;
}

test('keys of every kind are listed, and sign what OpenSSH verifies', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-ssh-');
  const keys = KINDS.map(([kind, flags]) => generate(directory.path, kind, flags));
  const socket = join(directory.path, 'agent');
  await using _server = await serve(await agentSource(keys), socket);
  const listed = await tool('ssh-add', ['-l'], socket);
  assert.equal(listed.trim().split('\n').length, keys.length);
  assert.match(listed, /^256 SHA256:\S+ key ed25519 \(ED25519\)$/m);
  const text = join(directory.path, 'text');
  writeFileSync(text, 'what is signed');
  const signers = join(directory.path, 'signers');
  for (const key of keys) {
    const publicKey = execFileSync('ssh-keygen', ['-y', '-f', key], { encoding: 'utf8' });
    writeFileSync(`${key}.pub`, publicKey);
    writeFileSync(signers, `someone ${publicKey}`);
    // Given the public half only, it has to ask the agent.
    await tool('ssh-keygen', ['-q', '-Y', 'sign', '-f', `${key}.pub`, '-n', 'file', text], socket);
    const verify = ['-Y', 'verify', '-f', signers, '-I', 'someone', '-n', 'file', '-s', `${text}.sig`];
    execFileSync('ssh-keygen', verify, { input: 'what is signed', stdio: ['pipe', 'ignore', 'inherit'] });
    execFileSync('rm', [`${text}.sig`]);
  }
});

test('a build is lent keys: it can neither add nor remove them', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-ssh-');
  const key = generate(directory.path, 'ed25519', []);
  const socket = join(directory.path, 'agent');
  await using _server = await serve(await agentSource([key]), socket);
  await assert.rejects(tool('ssh-add', ['-D'], socket));
  await assert.rejects(tool('ssh-add', [generate(directory.path, 'ed25519-2', [])], socket));
  assert.equal((await tool('ssh-add', ['-l'], socket)).trim().split('\n').length, 1);
});

test('what cannot be used is said with its reason', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-ssh-');
  const at = (name: string, content: string) => {
    writeFileSync(join(directory.path, name), content);
    return join(directory.path, name);
  };
  const good = generate(directory.path, 'ed25519', []);
  const cut = `-----BEGIN OPENSSH PRIVATE KEY-----\n${Buffer.from('openssh-key-v1\0\0\0\0').toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
  await using _server = await serve({ open: () => Promise.reject(new Error()) }, join(directory.path, 's'));
  const cases: readonly (readonly [paths: readonly string[], why: RegExp])[] = [
    [[join(directory.path, 'none')], /none: there is no such file/],
    [[at('text', 'no key')], /text: it is no private key/],
    [[`${good}.pub`], /ed25519\.pub: it is no private key/],
    [
      [generate(directory.path, 'rsa', ['-b', '1024'], 'secret')],
      /rsa: it has a passphrase: add it to an agent/,
    ],
    [[generate(directory.path, 'rsa-pem', ['-b', '1024', '-m', 'PEM'], 'secret')], /it has a passphrase/],
    [[at('cut', cut)], /cut: .*ends early/],
    [[at('big', 'x'.repeat(200_000))], /big: it is too large/],
    [[good, join(directory.path, 's')], /\/s: a socket is an agent/],
  ];
  for (const [paths, why] of cases) await assert.rejects(agentSource(paths), why);
});

test('requests that are none end the connection', async () => {
  const stream = agentStream([]);
  const failed = once(stream, 'error');
  stream.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  assert.match(String((await failed)[0]), /too large/);
});
