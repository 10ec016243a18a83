/** Builds that take what was fetched while a prune, or the limit of what is kept, removes what is not in use. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseDigest } from '#oci/digest.ts';
import { FileWorkers } from '../files/file-workers.ts';
import type { GitTree, HttpFile, LocalFiles, RemoteFiles } from '../definition/vertex.ts';
import { Downloads } from './downloads.ts';

const signal = new AbortController().signal;

const directory = mkdtempSync('/tmp/caisson-downloads-');
const repository = join(directory, 'repository.git');
let commit = '';
let origin = '';
/** Before the server says that a file is what it was. */
let beforeUnchanged = async (): Promise<unknown> => undefined;

const server = createServer((request, response) => void answer(request, response));

/** Files say their names; `/tagged` is asked about again. */
async function answer({ url = '', headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (headers['if-none-match'] === '"tag"') {
    await beforeUnchanged();
    response.writeHead(304).end();
  } else {
    const isInRepository = url.startsWith('/repository.git/');
    response.writeHead(200, url === '/tagged' ? { etag: '"tag"' } : {});
    response.end(isInRepository ? readFileInRepository(url) : url);
  }
}

function readFileInRepository(path: string): Buffer {
  const [name = ''] = path.split('?');
  try {
    return readFileSync(join(directory, name));
  } catch {
    return Buffer.alloc(0);
  }
}

before(async () => {
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', repository, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
      encoding: 'utf8',
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' },
    });
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', repository]);
  writeFileSync(join(directory, 'file'), 'of the repository');
  const work = ['--work-tree', directory] as const;
  git(...work, 'add', join(directory, 'file'));
  git(...work, 'commit', '-q', '-m', 'one');
  git('update-server-info');
  commit = git('rev-parse', 'HEAD').trim();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true });
});

/** Does something else once what was fetched was measured, and is about to be kept. */
class Workers extends FileWorkers {
  afterUsage: () => void = () => undefined;

  override async usage(job: { readonly path: string }): Promise<number> {
    const sizeBytes = await super.usage(job);
    this.afterUsage();
    return sizeBytes;
  }
}

class Opened implements AsyncDisposable {
  readonly files = new Workers();
  readonly directory = mkdtempSync(join(directory, 'store-'));
  readonly downloads: Downloads;
  #isTaken = false;

  constructor(maximumBytes?: number) {
    const { files } = this;
    this.downloads = new Downloads({
      files,
      directory: this.directory,
      ...(maximumBytes !== undefined && { maximumBytes }),
    });
  }

  /** @returns whether it came too late for what was being taken */
  async prune(): Promise<boolean> {
    const isLate = this.#isTaken;
    await this.downloads.remove(this.downloads.list().map(({ name }) => name));
    return isLate;
  }

  /** @returns the contents of the one file that was taken, while it is held */
  async take(source: RemoteFiles, meanwhile: Promise<unknown> = Promise.resolve()): Promise<string> {
    this.#isTaken = false;
    using held = await this.downloads.get(source, { signal });
    this.#isTaken = true;
    await meanwhile;
    return contentOf(held.files);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.files[Symbol.asyncDispose]();
  }
}

function contentOf({ directory }: LocalFiles): string {
  const [name = ''] = readdirSync(directory);
  return readFileSync(join(directory, name), 'utf8');
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

const fileAt = (path: string): HttpFile => ({ kind: 'http', url: `${origin}${path}` });

/** It is not asked for again once it is here. */
const knownFile = (path: string): HttpFile => ({
  ...fileAt(path),
  checksum: parseDigest(`sha256:${createHash('sha256').update(path).digest('hex')}`),
});

const knownCommit = (): GitTree => ({
  kind: 'git',
  url: `${origin}/repository.git`,
  ref: commit,
  directory: '',
  keepGitDirectory: false,
});

for (const [what, source, content] of [
  ['a file', () => knownFile('/plain'), '/plain'],
  ['a commit', knownCommit, 'of the repository'],
] as const)
  test(`a prune at any moment leaves ${what} that a build takes`, async () => {
    await using opened = new Opened();
    for (let count = 0, isLate = false; !isLate; count++) {
      await opened.take(source());
      const pruned = turns(count).then(() => opened.prune());
      assert.equal(await opened.take(source(), pruned), content, `pruned after ${count} turns`);
      isLate = await pruned;
    }
    await opened.take(source());
    const pruned = opened.prune();
    assert.equal(await opened.take(source()), content, 'taken while it is being removed');
    await pruned;
  });

/** More turns than it takes from measuring to the next work on the disk. */
const TURNS = 20;

for (const [what, source, content] of [
  ['a file', () => fileAt('/plain'), '/plain'],
  ['a commit', knownCommit, 'of the repository'],
] as const)
  test(`a prune at any moment leaves ${what} that has just been fetched`, async () => {
    await using opened = new Opened();
    for (let count = 0; count < TURNS; count++) {
      const pruned = Promise.withResolvers<boolean>();
      opened.files.afterUsage = () => pruned.resolve(turns(count).then(() => opened.prune()));
      assert.equal(await opened.take(source(), pruned.promise), content, `pruned after ${count} turns`);
      await opened.prune();
    }
  });

test('what is here stays while its server is asked whether it has changed', async () => {
  await using opened = new Opened();
  await opened.take(fileAt('/tagged'));
  beforeUnchanged = () => opened.prune();
  assert.equal(await opened.take(fileAt('/tagged')), '/tagged');
});

test('room is made without what a build takes meanwhile', async () => {
  await using opened = new Opened('/first'.length + '/second'.length);
  for (let count = 0; count < TURNS; count++) {
    opened.files.afterUsage = () => undefined;
    await opened.take(knownFile('/first'));
    await opened.take(knownFile('/second'));
    const taken = Promise.withResolvers<string>();
    const isKept = Promise.withResolvers<void>();
    opened.files.afterUsage = () =>
      taken.resolve(turns(count).then(() => opened.take(knownFile('/second'), isKept.promise)));
    await opened.take(fileAt('/another-one-of-such-a-size'));
    isKept.resolve();
    assert.equal(await taken.promise, '/second', `taken after ${count} turns`);
    await opened.prune();
  }
});
