/** Builds: cached, with one changed file, cold, of many steps, in parallel. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Case, command, type Material } from './cases.ts';
import type { Contender } from './engines.ts';

const FILES = 4000;
const FILE_BYTES = 16 << 10;
const STEPS = 10;

const COPYING = 'FROM bench\nRUN true\nCOPY . /src\nRUN ls /src | wc -l\n';
const TWO_STAGES = `FROM bench AS one
RUN sleep 1; echo one > /one
FROM bench AS two
RUN sleep 1; echo two > /two
FROM bench
COPY --from=one /one /one
COPY --from=two /two /two
`;

function build(contender: Contender, args: readonly string[]): void {
  const isDocker = contender.command[0] === 'docker';
  // Podman wants more files and processes than a machine may give.
  const limits = contender.kind === 'podman' ? ['--ulimit=nofile=1024:1024', '--ulimit=nproc=4096:4096'] : [];
  command(contender, [...(isDocker ? ['buildx', 'build'] : ['build']), ...limits, ...args]);
}

/** Builds with the classic builder where Docker's command line is used. */
function buildClassic(contender: Contender, args: readonly string[]): void {
  if (contender.command[0] !== 'docker') return build(contender, args);
  const classic = { ...contender, command: ['env', 'DOCKER_BUILDKIT=0', ...contender.command] };
  command(classic, ['build', ...args]);
}

/** One of each engine's own: they remember contexts by their paths. */
function contextOf({ name }: Contender, { directory }: Material, kind: string): string {
  return join(directory, `${kind}-${name.replaceAll(' ', '-')}`);
}

function writeContext(directory: string, dockerfile: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'Dockerfile'), dockerfile);
}

/** 64 MB in 4,000 files that do not compress. */
function writeManyFiles(directory: string): void {
  writeContext(directory, COPYING);
  for (let index = 0; index < FILES; index++) {
    const parent = join(directory, `d${index % 40}`);
    if (index < 40) mkdirSync(parent);
    writeFileSync(join(parent, `f${index}`), contentOf(index));
  }
}

function contentOf(seed: number): Buffer {
  const words = new Uint32Array(FILE_BYTES / 4);
  let state = seed + 1;
  for (let index = 0; index < words.length; index++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + index;
    words[index] = state;
  }
  return Buffer.from(words.buffer);
}

function prune(contender: Contender): void {
  if (contender.kind !== 'podman') command(contender, ['builder', 'prune', '-af']);
}

let changes = 0;

export const BUILD_CASES: readonly Case[] = [
  {
    name: 'build-4000-cold',
    runs: 3,
    setUp: (c, m) => writeManyFiles(contextOf(c, m, 'many')),
    before: prune,
    run: (c, m) => build(c, [...(c.kind === 'podman' ? ['--no-cache'] : []), contextOf(c, m, 'many')]),
  },
  { name: 'build-4000-cached', run: (c, m) => build(c, [contextOf(c, m, 'many')]) },
  {
    name: 'build-4000-cold-classic',
    runs: 3,
    run: (c, m) => buildClassic(c, ['--no-cache', contextOf(c, m, 'many')]),
  },
  {
    name: 'build-4000-cached-classic',
    setUp: (c, m) => buildClassic(c, [contextOf(c, m, 'many')]),
    run: (c, m) => buildClassic(c, [contextOf(c, m, 'many')]),
  },
  {
    name: 'build-4000-one-changed',
    runs: 5,
    before: (c, m) => writeFileSync(join(contextOf(c, m, 'many'), 'd7/f7'), `changed ${changes++}`),
    run: (c, m) => build(c, [contextOf(c, m, 'many')]),
    tearDown: (c, m) => rmSync(contextOf(c, m, 'many'), { recursive: true, force: true }),
  },
  {
    name: 'build-10-steps',
    runs: 3,
    setUp: (c, m) => {
      const steps = Array.from({ length: STEPS }, (_, index) => `RUN echo ${index} > /step-${index}\n`);
      writeContext(contextOf(c, m, 'steps'), `FROM bench\n${steps.join('')}`);
    },
    run: (c, m) => build(c, ['--no-cache', contextOf(c, m, 'steps')]),
  },
  {
    name: 'build-2-stages-1s',
    runs: 3,
    setUp: (c, m) => writeContext(contextOf(c, m, 'stages'), TWO_STAGES),
    run: (c, m) => build(c, ['--no-cache', contextOf(c, m, 'stages')]),
  },
];
