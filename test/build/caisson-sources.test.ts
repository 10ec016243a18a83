/** `caisson build`: where its files may come from, and what they are called. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { CaissonCli } from './caisson-cli.ts';

let engine: TestDaemon;
let server: Server;
let origin = '';
let repository = '';
const caisson = new CaissonCli(() => engine.host);
const served = new Map<string, Buffer | string>();

before(async () => {
  engine = await TestDaemon.start();
  server = createServer(({ url = '' }, response) => {
    const path = url.split('?')[0] ?? '';
    const body = served.get(path) ?? repositoryFile(path);
    if (body === undefined) response.writeHead(404).end();
    else response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await Promise.all([once(server, 'listening'), importBusybox(engine)]);
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  repository = makeRepository();
});

after(async () => {
  server.closeAllConnections();
  server.close();
  await engine[Symbol.asyncDispose]();
  caisson[Symbol.dispose]();
});

function repositoryFile(path: string): Buffer | undefined {
  try {
    return path.startsWith('/repositories/') ? readFileSync(join(caisson.scratch, path)) : undefined;
  } catch {
    return undefined;
  }
}

/** @returns its URL; `main` has a newer file than the tag `v1` */
function makeRepository(): string {
  const work = caisson.directory({
    Dockerfile: 'FROM bb\nCOPY top /f\n',
    top: 'first\n',
    'sub/Dockerfile': 'FROM bb\nCOPY below /f\n',
    'sub/Other': 'FROM bb\nCOPY below /g\nRUN cp /g /f; echo other >> /f\n',
    'sub/below': 'below\n',
  });
  const bare = join(caisson.scratch, 'repositories/app.git');
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', work, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' },
    });
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  git('tag', 'v1');
  writeFileSync(join(work, 'top'), 'second\n');
  git('commit', '-q', '-a', '-m', 'two');
  git('clone', '-q', '--bare', '.', bare);
  execFileSync('git', ['-C', bare, 'update-server-info']);
  return `${origin}/repositories/app.git`;
}

/** What a build puts into `/f`. */
async function fileOf(args: readonly string[], input?: string | Buffer): Promise<string> {
  const destination = join(caisson.directory(), 'out');
  const options = input === undefined ? {} : { input };
  await caisson.ok(['build', '-o', destination, ...args], options);
  return readFileSync(join(destination, 'f'), 'utf8');
}

test('a git repository: branches, tags, directories, other Dockerfiles; what is not there', async () => {
  const url = repository;
  const cases: readonly (readonly [args: readonly string[], expected: string])[] = [
    [[url], 'second\n'],
    [[`${url}#v1`], 'first\n'],
    [[`${url}#main:sub`], 'below\n'],
    [['-f', 'Other', `${url}#:sub`], 'below\nother\n'],
  ];
  for (const [args, expected] of cases) assert.equal(await fileOf(args), expected, args.join(' '));
  const stdin = 'FROM bb\nCOPY sub/below /f\n';
  assert.equal(await fileOf(['-f', '-', url], stdin), 'below\n');
  assert.match(await caisson.failure(['build', `${url}#none`]), /does not contain ref none/);
  assert.match(await caisson.failure(['build', `${url}#main:none`]), /none/);
});

test('a URL: an archive, a Dockerfile alone, nothing', async () => {
  const dockerfile = 'FROM bb\nCOPY a /f\n';
  const tar = tarOf(
    { path: 'Dockerfile', content: dockerfile, mode: 0o644 },
    { path: 'Other', content: `${dockerfile}RUN echo more >> /f\n`, mode: 0o644 },
    { path: 'a', content: 'a\n', mode: 0o644 },
  );
  served.set('/context.tar.gz', gzipSync(tar));
  served.set('/Dockerfile.app', 'FROM bb\nRUN echo alone > /f\n');
  assert.equal(await fileOf([`${origin}/context.tar.gz`]), 'a\n');
  assert.equal(await fileOf(['-f', 'Other', `${origin}/context.tar.gz`]), 'a\nmore\n');
  assert.equal(await fileOf([`${origin}/Dockerfile.app`]), 'alone\n');
  assert.equal(await fileOf(['-'], gzipSync(tar)), 'a\n');
  assert.equal(await fileOf(['-f', 'Other', '-'], tar), 'a\nmore\n');
  const file = join(caisson.directory({ 'c.tar': tar }), 'c.tar');
  assert.equal(await fileOf(['-f', '-', file], dockerfile), 'a\n');
  assert.match(await caisson.failure(['build', `${origin}/none`]), /invalid response status 404/);
});

test('named contexts: an image, a layout, a directory, a repository, an archive at a URL', async () => {
  const layout = join(caisson.directory(), 'layout.tar');
  const made = (text: string) => caisson.directory({ Dockerfile: `FROM bb\nRUN echo ${text} > /from\n` });
  await caisson.ok(['build', '-o', `type=oci,dest=${layout}`, '-t', 'l:1', made('layout')]);
  const unpacked = caisson.directory();
  execFileSync('tar', ['-C', unpacked, '-xf', layout]);
  served.set('/named.tar', tarOf({ path: 'from', content: 'archive\n', mode: 0o644 }));
  await caisson.ok(['build', '-t', 'named:1', made('image')]);
  const dockerfile = 'FROM bb\nCOPY --from=named /from /f\n';
  const cases: readonly (readonly [value: string, expected: string, text?: string])[] = [
    ['docker-image://named:1', 'image\n'],
    [`oci-layout://${unpacked}`, 'layout\n'],
    [caisson.directory({ from: 'directory\n' }), 'directory\n'],
    [`${repository}#v1`, 'first\n', 'FROM bb\nCOPY --from=named /top /f\n'],
    [`${origin}/named.tar`, 'archive\n'],
    ['docker-image://named:1', 'image\n', 'FROM named\nRUN cp /from /f\n'],
    [`oci-layout://${unpacked}`, 'layout\n', 'FROM named\nRUN cp /from /f\n'],
  ];
  for (const [value, expected, text = dockerfile] of cases) {
    const context = caisson.directory({ Dockerfile: text });
    assert.equal(await fileOf(['--build-context', `named=${value}`, context]), expected, value);
  }
  const nothing = await caisson.failure(['build', '--build-context', 'named=nowhere', made('x')]);
  assert.match(nothing, /nowhere is no directory; other kinds are docker-image:\/\/NAME/);
});

/** Python has names of bytes, and attributes. */
function inDirectory(directory: string, script: string): void {
  execFileSync('python3', ['-c', `import os\nos.chdir(${JSON.stringify(directory)})\n${script}`]);
}

/** Names, attributes and contents of a tar's regular files, as Python reads them. */
function membersOf(tar: string): readonly string[] {
  const script = `
import sys, tarfile
for m in tarfile.open(sys.argv[1], errors='surrogateescape'):
    xattrs = {k[13:]: v.encode('utf8', 'surrogateescape').hex() for k, v in m.pax_headers.items() if k.startswith('SCHILY.xattr.')}
    print(ascii([m.name, m.linkname, xattrs]))`;
  return execFileSync('python3', ['-c', script, tar], { encoding: 'utf8' }).trim().split('\n');
}

const CAPABILITY = '0100000200040000000000000000000000000000';

test('names that are no text and attributes arrive as they are; changes of them are noticed', async () => {
  const context = caisson.directory({ Dockerfile: 'FROM scratch\nCOPY files /d/\nCOPY files/c?f* /e/\n' });
  mkdirSync(join(context, 'files'));
  const files = join(context, 'files');
  inDirectory(
    files,
    `
for name in (b'caf\\xe9', b'new\\nline', 'caf\\u00e9'.encode(), b'capped'):
    with open(name, 'wb') as file: file.write(name)
os.symlink(b'\\xff/\\xfe', b'\\xfe')
os.setxattr(b'caf\\xe9', 'user.note', b'\\x00\\xff')
os.setxattr('capped', 'security.capability', bytes.fromhex('${CAPABILITY}'))`,
  );
  const tar = join(caisson.scratch, 'bytes.tar');
  const build = async () =>
    await caisson.ok(['build', '--progress', 'plain', '-o', `type=tar,dest=${tar}`, context]);
  await build();
  assert.deepEqual(membersOf(tar), [
    "['d', '', {}]",
    `['d/caf\\xe9', '', {}]`,
    `['d/caf\\udce9', '', {'user.note': '00ff'}]`,
    `['d/capped', '', {'security.capability': '${CAPABILITY}'}]`,
    `['d/new\\nline', '', {}]`,
    `['d/\\udcfe', '\\udcff/\\udcfe', {}]`,
    "['e', '', {}]",
    `['e/caf\\xe9', '', {}]`,
    `['e/caf\\udce9', '', {'user.note': '00ff'}]`,
  ]);
  assert.match((await build()).stderr, /^#\d+ CACHED$/m);
  const ours = membersOf(tar);
  await dockerOk(engine, ['buildx', 'build', '-q', '-o', `type=tar,dest=${tar}`, context]);
  assert.deepEqual(membersOf(tar), ours, 'over the wire of BuildKit, too');
  inDirectory(files, `os.setxattr(b'caf\\xe9', 'user.note', b'other')`);
  assert.doesNotMatch((await build()).stderr, /^#\d+ CACHED$/m);
  assert.ok(
    membersOf(tar).includes(`['d/caf\\udce9', '', {'user.note': '${Buffer.from('other').toString('hex')}'}]`),
  );
  inDirectory(files, `os.removexattr(b'caf\\xe9', 'user.note')`);
  await build();
  assert.ok(membersOf(tar).includes(`['d/caf\\udce9', '', {}]`));
});

test('what such names lead to can be run, mounted and written out again', async () => {
  const context = caisson.directory({
    Dockerfile: `FROM bb
COPY . /all/
RUN --mount=type=bind,target=/here cd /all; ls | grep -c caf; cat /here/caf*; readlink l | hexdump -e '1/1 "%02x"'
FROM scratch
COPY --from=0 /all /
`,
  });
  inDirectory(
    context,
    `open(b'caf\\xe9', 'w').write('text'); os.symlink(b'caf\\xe9', 'l'); os.setxattr(b'caf\\xe9', 'user.n', b'v')`,
  );
  const out = join(caisson.scratch, 'names');
  const { stderr } = await caisson.ok(['build', '--no-cache', '--progress', 'plain', '-o', out, context]);
  assert.match(stderr, /^#\d+ [0-9.]+ 1\n#\d+ [0-9.]+ text636166e90?a?$/m);
  inDirectory(out, `assert open(b'caf\\xe9').read() == 'text'; assert os.readlink(b'l') == b'caf\\xe9'`);
  inDirectory(out, `assert os.getxattr(b'caf\\xe9', 'user.n') == b'v'`);
});

test('everything that a directory may have in it', async () => {
  const context = caisson.directory({
    Dockerfile: 'FROM bb\nCOPY . /all/\nRUN cd /all; ls -l fifo null out in | cut -c1-10; cat in; ls\n',
    'in.txt': 'inside\n',
  });
  execFileSync('mkfifo', [join(context, 'fifo')]);
  execFileSync('mknod', [join(context, 'null'), 'c', '1', '3']);
  symlinkSync('/etc/hostname', join(context, 'out'));
  symlinkSync('in.txt', join(context, 'in'));
  linkSync(join(context, 'in.txt'), join(context, 'twin'));
  inDirectory(context, `import socket\nsocket.socket(socket.AF_UNIX).bind('socket')`);
  chmodSync(join(context, 'in.txt'), 0o4750);
  const { stderr } = await caisson.ok(['build', '--no-cache', '--progress', 'plain', context]);
  const said = [...stderr.matchAll(/^#\d+ [0-9]+\.[0-9]+ (.*)$/gm)].map(([, text]) => text);
  assert.deepEqual(said.slice(0, 5), ['prw-r--r--', 'lrwxrwxrwx', 'crw-r--r--', 'lrwxrwxrwx', 'inside']);
  assert.deepEqual(said.slice(5), ['Dockerfile', 'fifo', 'in', 'in.txt', 'null', 'out', 'twin']);
});

/** A program and what it is linked with, to be mounted somewhere. */
function toolDirectory(program: string): string {
  const directory = caisson.directory();
  const listed = execFileSync('ldd', [program], { encoding: 'utf8' });
  const libraries = [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
  for (const path of [program, ...libraries]) {
    mkdirSync(join(directory, dirname(path)), { recursive: true });
    copyFileSync(path, join(directory, path));
  }
  return directory;
}

test('--ssh: keys by an agent of the client, the agent of the shell, and what is wrong with them', async () => {
  const directory = caisson.directory({ text: 'no key' });
  const key = join(directory, 'id');
  const locked = join(directory, 'locked');
  for (const [path, passphrase] of [
    [key, ''],
    [locked, 'secret'],
  ] as const)
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'mine', '-f', path]);
  const context = caisson.directory({
    Dockerfile:
      'FROM bb\nCOPY --from=tools / /\nRUN --mount=type=ssh,required ssh-add -l && ssh-add -T /id.pub\n',
  });
  const tools = toolDirectory('/usr/bin/ssh-add');
  copyFileSync(`${key}.pub`, join(tools, 'id.pub'));
  const build = ['build', '--no-cache', '--progress', 'plain', '--build-context', `tools=${tools}`];
  const { stderr } = await caisson.ok([...build, '--ssh', `default=${key}`, context]);
  assert.match(stderr, /^#\d+ [0-9.]+ 256 SHA256:\S+ mine \(ED25519\)$/m);
  const failures: readonly (readonly [flag: string, why: RegExp])[] = [
    [`default=${locked}`, /locked: it has a passphrase: add it to an agent \(ssh-add\), and forward that/],
    [`default=${join(directory, 'text')}`, /text: it is no private key/],
    [`default=${join(directory, 'none')}`, /none: there is no such file/],
    ['default', /there is no agent, SSH_AUTH_SOCK is empty; start one/],
  ];
  for (const [flag, why] of failures)
    assert.match(await caisson.failure([...build, '--ssh', flag, context]), why);
  const other = await caisson.failure([...build, '--ssh', `other=${key}`, context]);
  assert.match(other, /no SSH key "default" forwarded from the client/);
});

test('two clients with the same names: what one has sent is not taken for files of the other', async () => {
  const dockerfile = 'FROM bb\nCOPY which /\nRUN cat /which\n';
  const directory = caisson.directory({ Dockerfile: dockerfile, which: 'one of a\n' });
  const path = join(directory, 'which');
  const time = new Date('2026-01-01T00:00:00Z');
  const [a, b] = [caisson.directory(), caisson.directory()];
  const builtBy = async (config: string, content: string) => {
    writeFileSync(path, content);
    utimesSync(path, time, time);
    const args = ['build', '--no-cache', '--progress', 'plain', directory];
    const { stderr } = await caisson.ok(args, { env: { DOCKER_CONFIG: config } });
    return /one of \w/.exec(stderr)?.[0];
  };
  assert.equal(await builtBy(a, 'one of a\n'), 'one of a');
  assert.equal(await builtBy(b, 'one of b\n'), 'one of b');
  assert.equal(await builtBy(a, 'one of a\n'), 'one of a');
  const secrets = [a, b].map((config) => readFileSync(join(config, '.caisson-client'), 'utf8'));
  assert.notEqual(secrets[0], secrets[1]);
  assert.equal(statSync(join(a, '.caisson-client')).mode & 0o777, 0o600);
});

test('a source policy that would not be honoured is refused', async () => {
  const env = { EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: '/policy.json' };
  const said = await caisson.failure(['build', caisson.directory({ Dockerfile: 'FROM bb\n' })], { env });
  assert.match(said, /cannot honour the source policy/);
});
