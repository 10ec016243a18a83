/**
 * Our registry beside Debian's docker-registry: push of an image of 8 layers and 400 MB by skopeo, and 16 pulls of it
 * at once by curl. Each round starts both on an empty root, in turn.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

const LAYERS = 8;
const LAYER_BYTES = 50_000_000;
const PULLS = 16;

interface Server {
  readonly name: string;
  readonly port: number;
  command(root: string): readonly string[];
}

interface Result {
  readonly pushMs: number;
  readonly pullMs: number;
  readonly idleMegabytes: number;
  readonly peakMegabytes: number;
}

const SERVERS: readonly Server[] = [
  {
    name: 'caisson',
    port: 15_101,
    command: (root) => [
      join(import.meta.dirname, '../bin/caisson-registry'),
      'serve',
      '--root',
      root,
      '--listen',
      '127.0.0.1:15101',
    ],
  },
  { name: 'docker-registry', port: 15_102, command: dockerRegistry },
];

/**
 * A table of its own: what each registry takes and needs. Undefined where something is not installed.
 *
 * @param directory for images and roots; what is made in it is removed again
 */
export async function measureRegistries(directory: string, runs: number): Promise<string | undefined> {
  const missing = ['skopeo', 'curl', 'docker-registry'].filter(
    (program) => spawnSync(program, ['--version']).error,
  );
  if (missing.length > 0) {
    console.error(`  registries: not installed: ${missing.join(', ')}`);
    return undefined;
  }
  const work = mkdtempSync(join(directory, 'registries-'));
  try {
    const layers = writeImage(join(work, 'image'));
    const results = SERVERS.map((): Result[] => []);
    for (let round = 0; round <= runs; round++)
      for (const [index, server] of SERVERS.entries()) {
        const result = await measure(server, work, layers);
        // The first round fills the caches.
        if (round > 0) results[index]?.push(result);
      }
    return table(results);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function measure(server: Server, work: string, layers: readonly string[]): Promise<Result> {
  const root = mkdtempSync(join(work, 'root-'));
  const [program = '', ...args] = server.command(root);
  const child = spawn(program, args, { stdio: 'ignore' });
  try {
    await untilListening(server.port);
    await sleep(300);
    const idleMegabytes = memory(child, 'VmRSS');
    const pushMs = timed(() => push(server.port, work));
    const pullMs = timed(() => pull(server.port, layers));
    return { pushMs, pullMs, idleMegabytes, peakMegabytes: memory(child, 'VmHWM') };
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    rmSync(root, { recursive: true });
  }
}

function push(port: number, work: string): void {
  execFileSync('skopeo', [
    'copy',
    '--quiet',
    '--dest-tls-verify=false',
    `oci:${join(work, 'image')}:latest`,
    `docker://127.0.0.1:${port}/bench/image:latest`,
  ]);
}

function pull(port: number, layers: readonly string[]): void {
  const requests = Array.from({ length: PULLS }, () =>
    layers.map(
      (digest) => `url = "http://127.0.0.1:${port}/v2/bench/image/blobs/${digest}"\noutput = /dev/null\n`,
    ),
  );
  execFileSync('curl', ['-sf', '-Z', '--parallel-max', String(PULLS), '-K', '-'], {
    input: requests.flat().join(''),
  });
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Layers of random bytes, gzip around them as clients want it, in an OCI layout. @returns their digests */
function writeImage(path: string): readonly string[] {
  mkdirSync(join(path, 'blobs/sha256'), { recursive: true });
  const put = (content: Buffer) => {
    const hex = createHash('sha256').update(content).digest('hex');
    writeFileSync(join(path, 'blobs/sha256', hex), content);
    return { digest: `sha256:${hex}`, size: content.length };
  };
  const type = 'application/vnd.oci.image';
  const layers = Array.from({ length: LAYERS }, () => ({
    mediaType: `${type}.layer.v1.tar+gzip`,
    ...put(gzipSync(randomBytes(LAYER_BYTES), { level: 0 })),
  }));
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: { mediaType: `${type}.config.v1+json`, ...put(Buffer.from(config)) },
    layers,
  };
  const described = {
    mediaType: manifest.mediaType,
    ...put(Buffer.from(JSON.stringify(manifest))),
    annotations: { 'org.opencontainers.image.ref.name': 'latest' },
  };
  writeFileSync(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [described] }));
  writeFileSync(join(path, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return layers.map(({ digest }) => digest);
}

function dockerRegistry(root: string): readonly string[] {
  const path = join(root, 'config.yml');
  writeFileSync(
    path,
    `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n` +
      `storage: {filesystem: {rootdirectory: ${root}}}\nhttp: {addr: "127.0.0.1:15102"}\n`,
  );
  return ['docker-registry', 'serve', path];
}

async function untilListening(port: number): Promise<void> {
  for (let attempts = 0; attempts < 500; attempts++) {
    if (await canConnect(port)) return;
    await sleep(20);
  }
  throw new Error(`nothing listens on port ${port}`);
}

function canConnect(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1', () => {
    socket.destroy();
    resolve(true);
  });
  socket.on('error', () => resolve(false));
  return promise;
}

function memory({ pid }: ChildProcess, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
}

function table(results: readonly (readonly Result[])[]): string {
  const rows: readonly [title: string, field: keyof Result, unit: string][] = [
    ['push of 8 layers, 400 MB', 'pushMs', 'ms'],
    [`${PULLS} pulls of it at once`, 'pullMs', 'ms'],
    ['memory, idle', 'idleMegabytes', 'MB'],
    ['memory, highest of all', 'peakMegabytes', 'MB'],
  ];
  const lines = rows.map(([title, field, unit]) => {
    const cells = results.map((each) => `${median(each, field).toFixed(0)} ${unit}`);
    console.log(`registry: ${title}`.padEnd(40), cells.join(' | '));
    return `| ${title} | ${cells.join(' | ')} |`;
  });
  const names = SERVERS.map(({ name }) => name);
  return [
    `| registry | ${names.join(' | ')} |`,
    `| --- |${names.map(() => ' --- |').join('')}`,
    ...lines,
    '',
  ].join('\n');
}

function median(results: readonly Result[], field: keyof Result): number {
  const sorted = results.map((result) => result[field]).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
