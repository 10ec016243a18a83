/** Files and contexts that the engine fetches itself: by http, and from git repositories. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { after, before, test } from 'node:test';
import { tarOf } from '../fixtures/tar.ts';
import { BuiltEngine } from './built-engine.ts';

let engine: BuiltEngine;
let server: Server;
let origin = '';
/** Requests, in the order in which they came. */
const asked: string[] = [];
const served = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();

before(async () => {
  engine = await BuiltEngine.start();
  server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    asked.push(path);
    const answer = served.get(path) ?? serveRepository(path);
    if (answer) answer(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});

after(async () => {
  server.closeAllConnections();
  server.close();
  await engine[Symbol.asyncDispose]();
});

function serveRepository(path: string): ((_: IncomingMessage, response: ServerResponse) => void) | undefined {
  if (!path.startsWith('/repositories/')) return undefined;
  return (_, response) => {
    try {
      response.end(readFileSync(join(engine.traces.directory, path)));
    } catch {
      response.writeHead(404).end();
    }
  };
}

const serve = (path: string, body: Buffer | string, headers: Readonly<Record<string, string>> = {}) =>
  served.set(path, (_, response) => response.writeHead(200, headers).end(body));

test('ADD of a URL: name, mode, time, redirects, nothing unpacked unless asked for', async () => {
  const tar = tarOf({ path: 'inside', content: 'unpacked\n', mode: 0o644 });
  serve('/files/plain.txt', 'plain\n', { 'last-modified': 'Tue, 03 Mar 2020 10:00:00 GMT' });
  serve('/named/', 'named\n', { 'content-disposition': 'attachment; filename="said.txt"' });
  serve('/a.tar.gz', gzipSync(tar));
  served.set('/moved', (_, response) => response.writeHead(302, { location: '/files/plain.txt' }).end());
  const { output } = await engine.build({
    Dockerfile: `FROM bb
ADD ${origin}/files/plain.txt /d/
ADD ${origin}/named/ /d/
ADD --chmod=644 --chown=user ${origin}/moved /d/renamed
ADD ${origin}/a.tar.gz /d/
ADD --unpack=true ${origin}/a.tar.gz /u/
RUN cd /d; stat -c '%n %a %u %Y' plain.txt said.txt renamed; cat plain.txt said.txt renamed; ls; cat /u/inside
`,
  });
  assert.equal(
    output,
    `plain.txt 600 0 1583229600\nsaid.txt 600 0 0\nrenamed 644 1000 1583229600\nplain\nnamed\nplain\na.tar.gz\nplain.txt\nrenamed\nsaid.txt\nunpacked\n`,
  );
});

const sum = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

test('a URL is asked again, by its tag; equal contents come from the cache; a checksum is held to', async () => {
  let body = 'first';
  served.set('/tagged', (request, response) => {
    const tag = `"${body}"`;
    if (request.headers['if-none-match'] === tag) response.writeHead(304).end();
    else response.writeHead(200, { etag: tag }).end(body);
  });
  const Dockerfile = `FROM bb\nADD ${origin}/tagged /f\nRUN cat /f\n`;
  assert.equal((await engine.build({ Dockerfile })).output, 'first');
  assert.equal((await engine.build({ Dockerfile })).cached.length, 2);
  body = 'second';
  assert.equal((await engine.build({ Dockerfile })).output, 'second');
  const checked = (text: string) => ({
    Dockerfile: `FROM bb\nADD --checksum=${sum(text)} ${origin}/tagged /g\n`,
  });
  const before = asked.length;
  await engine.build(checked('second'));
  assert.equal(asked.length, before, 'what is known by its checksum is not asked for');
  await assert.rejects(engine.build(checked('third')), /digest mismatch sha256:.*: sha256:/);
  await assert.rejects(
    engine.build({ Dockerfile: `FROM bb\nADD ${origin}/none /\n` }),
    /invalid response status 404/,
  );
  await assert.rejects(
    engine.build({ Dockerfile: 'FROM bb\nADD http://127.0.0.1:2/none /\n' }),
    /Cannot fetch http:\/\/127\.0\.0\.1:2\/none: connect ECONNREFUSED/,
  );
});

test('archives, heredocs, files and URLs in one ADD', async () => {
  serve('/one', 'fetched\n');
  const tar = tarOf(
    { path: 'd/', mode: 0o700 },
    { path: 'd/in', content: 'unpacked\n', mode: 0o640 },
    { path: 'link', type: 'symlink', linkName: 'd/in' },
  );
  const xz = execFileSync('xz', ['-c'], { input: tar });
  const { output } = await engine.build({
    Dockerfile: `FROM bb
ADD a.tar b.tar.xz ${origin}/one only.gz plain <<EOF /all/
text
EOF
RUN cd /all; cat d/in one plain EOF; stat -c '%n %a' d d/in link plain; ls
`,
    files: [
      { path: 'a.tar', content: tar, mode: 0o644 },
      { path: 'b.tar.xz', content: xz, mode: 0o644 },
      { path: 'only.gz', content: gzipSync('no archive'), mode: 0o644 },
      { path: 'plain', content: 'plain\n', mode: 0o644 },
    ],
  });
  assert.equal(
    output,
    'unpacked\nfetched\nplain\ntext\nd 700\nd/in 640\nlink 777\nplain 644\nEOF\nd\nlink\none\nonly.gz\nplain\n',
  );
});

/** A repository that is served as files. */
function makeRepository(name: string): (...args: readonly string[]) => string {
  const work = join(engine.traces.directory, `work-${name}`);
  mkdirSync(work);
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', work, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
      encoding: 'utf8',
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_ALLOW_PROTOCOL: 'file' },
    });
  git('init', '-q', '-b', 'main');
  mkdirSync(join(work, 'sub/dir'), { recursive: true });
  writeFileSync(join(work, 'top'), 'top\n');
  writeFileSync(join(work, 'sub/dir/f'), 'below\n');
  writeFileSync(join(work, 'Dockerfile'), 'FROM bb\nCOPY top /top\nRUN cat /top\n');
  writeFileSync(join(work, 'run'), '#!/bin/sh\n');
  chmodSync(join(work, 'run'), 0o755);
  symlinkSync('top', join(work, 'link'));
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  git('tag', '-a', 'v1', '-m', 'v1');
  writeFileSync(join(work, 'top'), 'newer\n');
  git('commit', '-q', '-a', '-m', 'two');
  return git;
}

function bareOf(name: string): string {
  return join(engine.traces.directory, 'repositories', `${name}.git`);
}

function publish(git: (...args: readonly string[]) => string, name: string): string {
  const bare = bareOf(name);
  rmSync(bare, { recursive: true, force: true });
  git('clone', '-q', '--bare', '.', bare);
  execFileSync('git', ['-C', bare, 'update-server-info']);
  return `${origin}/repositories/${name}.git`;
}

test('git: branches, tags, commits, directories; ADD and context; the cache knows commits', async () => {
  const git = makeRepository('one');
  const url = publish(git, 'one');
  const commit = git('rev-parse', 'HEAD').trim();
  const work = join(engine.traces.directory, 'work-one');
  const { output } = await engine.build({
    Dockerfile: `FROM bb
ADD ${url} /main
ADD ${url}#v1 /tag
ADD ${url}#main:sub/dir /below
ADD --keep-git-dir=true --checksum=${commit.slice(0, 12)} ${url}#${commit} /commit
RUN cat /main/top /tag/top /below/f /main/link; stat -c '%a %u' /main/run /main/top; ls -a /main | grep -c git; ls -d /commit/.git
`,
  });
  assert.equal(output, 'newer\ntop\nbelow\nnewer\n755 0\n644 0\n0\n/commit/.git\n');
  const Dockerfile = `FROM bb\nADD ${url} /r\n`;
  await engine.build({ Dockerfile });
  assert.equal((await engine.build({ Dockerfile })).cached.length, 1);
  writeFileSync(join(engine.traces.directory, 'work-one/top'), 'newest\n');
  git('commit', '-q', '-a', '-m', 'three');
  publish(git, 'one');
  assert.equal((await engine.build({ Dockerfile })).cached.length, 0);
  const context = { kind: 'remote', url: `${url}#v1` } as const;
  assert.equal((await engine.build({ Dockerfile: '', context })).output, 'top\n');
  const named = {
    Dockerfile: 'FROM bb\nCOPY --from=far / /f/\nRUN ls -d /f/.git\n',
    namedContexts: { far: context },
  };
  const keeping = { BUILDKIT_CONTEXT_KEEP_GIT_DIR: '1' };
  assert.equal((await engine.build({ ...named, buildArgs: keeping })).output, '/f/.git\n');
  await assert.rejects(engine.build(named), /ls -d/);
  await assert.rejects(
    engine.build({ Dockerfile: `FROM bb\nADD ${url}#nothing /r\n` }),
    /does not contain ref nothing/,
  );
  const old = git('show', '--no-patch', '--format=%ct', 'v1^{commit}').trim();
  const dated = `FROM bb\nADD ${url}?tag=v1&mtime=commit /r\nRUN stat -c %Y /r/top /r/link /r/sub/dir\n`;
  assert.equal((await engine.build({ Dockerfile: dated })).output, `${old}\n`.repeat(3));
  const known = `FROM bb\nADD ${url}?fetch-by-commit&checksum=${commit}#gone /r\nRUN cat /r/top\n`;
  assert.equal((await engine.build({ Dockerfile: known })).output, 'newer\n');
  git('update-ref', 'refs/pull/7/head', commit);
  publish(git, 'one');
  execFileSync('git', [
    '--git-dir',
    bareOf('one'),
    'fetch',
    '-q',
    `${work}/.git`,
    'refs/pull/7/head:refs/pull/7/head',
  ]);
  execFileSync('git', ['--git-dir', bareOf('one'), 'update-server-info']);
  const pulled = `FROM bb\nADD ${url}#pull/7/head /p\nRUN cat /p/top\n`;
  assert.equal((await engine.build({ Dockerfile: pulled })).output, 'newer\n');
  await assert.rejects(
    engine.build({ Dockerfile: `FROM bb\nADD ${url}#--upload-pack=x /r\n` }),
    /not the name of a reference/,
  );
});

test('git: nothing of this machine is read for a repository, and nothing of it is run', async () => {
  const git = makeRepository('hostile');
  const work = join(engine.traces.directory, 'work-hostile');
  const secret = makeRepository('private');
  secret('config', 'receive.denyCurrentBranch', 'ignore');
  const mark = join(engine.traces.directory, 'was-run');
  writeFileSync(join(work, '.gitattributes'), '* filter=mark\n');
  writeFileSync(join(work, '.lfsconfig'), `[filter "mark"]\n\tsmudge = touch ${mark}\n`);
  git('add', '.');
  git('commit', '-q', '-m', 'filters');
  symlinkSync('/etc', join(work, 'outside'));
  symlinkSync('sub', join(work, 'inside'));
  git('add', '.');
  git('commit', '-q', '-m', 'links');
  const url = publish(git, 'hostile');
  const Dockerfile = `FROM bb\nADD ${url} /r\n`;
  await engine.build({ Dockerfile });
  assert.equal(existsSync(mark), false);
  for (const directory of ['outside', 'outside/apt', 'inside/dir', 'top', 'nothing']) {
    const refused = { message: /^invalid subdir / };
    await assert.rejects(engine.build({ Dockerfile: `FROM bb\nADD ${url}#:${directory} /r\n` }), refused);
    const context = { kind: 'remote', url: `${url}#:${directory}` } as const;
    await assert.rejects(engine.build({ Dockerfile: '', context }), refused);
  }
  const module = `[submodule "m"]\n\tpath = m\n\turl = file://${engine.traces.directory}/work-private\n`;
  writeFileSync(join(work, '.gitmodules'), module);
  git('update-index', '--add', '--cacheinfo', `160000,${secret('rev-parse', 'HEAD').trim()},m`);
  git('add', '.gitmodules');
  git('commit', '-q', '-m', 'submodule');
  publish(git, 'hostile');
  await assert.rejects(engine.build({ Dockerfile }), /transport 'file' not allowed/);
  await engine.build({ Dockerfile: `FROM bb\nADD ${url}?submodules=false /r\n` });
});

const from = (path: string) => ({ kind: 'remote', url: `${origin}${path}` }) as const;

test('contexts by http: an archive, a Dockerfile alone', async () => {
  const Dockerfile = 'FROM bb\nCOPY a /a\nRUN cat /a\n';
  const tar = tarOf(
    { path: 'Dockerfile', content: Dockerfile, mode: 0o644 },
    { path: 'a', content: 'a\n', mode: 0o644 },
  );
  serve('/context.tar.gz', gzipSync(tar));
  serve('/some.dockerfile', 'FROM bb\nRUN echo alone\n');
  const archive = await engine.build({ Dockerfile: '', context: from('/context.tar.gz') });
  assert.equal(archive.output, 'a\n');
  const alone = await engine.build({ Dockerfile: '', context: from('/some.dockerfile') });
  assert.equal(alone.output, 'alone\n');
});

test('named contexts: files and images in the place of stages and images', async () => {
  serve('/files.tar', tarOf({ path: 'f', content: 'of the context\n', mode: 0o644 }));
  const tar = tarOf({ path: 'g', content: 'of a tar\n', mode: 0o644 });
  const { output } = await engine.build({
    Dockerfile: `FROM nowhere.invalid/image:1 AS base
FROM scratch AS replaced
RUN false
FROM rooted AS of-files
COPY --from=bb /bin/busybox /bin/cat
RUN ["/bin/cat", "/f"]
FROM alpine
COPY --from=of-files /f /again
COPY --from=replaced g /g
COPY --from=files f /f
RUN --mount=from=base,source=/etc/passwd,target=/p cat /f /g /again; head -n 1 /p
`,
    namedContexts: {
      'nowhere.invalid/image:1': { kind: 'image', reference: 'bb' },
      'docker.io/library/alpine:latest': { kind: 'image', reference: 'bb:latest' },
      Files: { kind: 'remote', url: `${origin}/files.tar` },
      replaced: { kind: 'tar', stream: Readable.from([tar]) },
      rooted: { kind: 'remote', url: `${origin}/files.tar` },
    },
  });
  assert.equal(
    output,
    'of the context\nof the context\nof a tar\nof the context\nroot:x:0:0:root:/root:/bin/sh\n',
  );
});

test('what was fetched is shown, and goes with a prune', async () => {
  const { builds } = engine.engine;
  const fetched = () =>
    builds.cacheRecords().filter(({ description }) => /^(?:http url|git snapshot)/.test(description));
  assert.ok(fetched().some(({ type }) => type === 'source.git.checkout'));
  assert.ok(fetched().some(({ description, sizeBytes }) => description.includes(origin) && sizeBytes > 0));
  await builds.prune();
  assert.deepEqual(fetched(), []);
  assert.deepEqual(readdirSync(join(engine.traces.root, 'builds/downloads')), []);
});
