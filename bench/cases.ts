import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from './engines.ts';
import { runPrograms } from './run-programs.ts';

/** What a case works on. */
export interface Material {
  readonly directory: string;
  readonly layeredArchive: string;
  readonly filesFolder: string;
}

/** One row of the table: `run` is timed, the rest is not. */
export interface Case {
  readonly name: string;
  readonly runs?: number;
  /** True: there is no first run that does not count. */
  readonly cold?: boolean;
  /** The highest memory of the daemon while it runs is a row of its own. */
  readonly showsMemory?: boolean;
  readonly setUp?: (contender: Contender, material: Material) => void;
  readonly before?: (contender: Contender, material: Material) => void;
  readonly run: (contender: Contender, material: Material) => void | Promise<void>;
  readonly tearDown?: (contender: Contender, material: Material) => void;
}

/** Runs one client command to its end and answers what it printed. */
export function command(
  contender: Contender,
  args: readonly string[],
  options: { readonly check?: boolean; readonly discard?: boolean } = {},
): string {
  const [finished] = runPrograms([[...contender.command, ...args]], options);
  if (!finished || (options.check !== false && finished.exitCode !== 0)) {
    throw new Error(`${contender.name} ${args.join(' ')}: ${finished?.stderr.slice(-300) ?? ''}`);
  }
  return finished.stdout;
}

/** The same with the output going nowhere, for commands that print much. */
function commandToNull(contender: Contender, args: readonly string[]): void {
  command(contender, args, { discard: true });
}

function inParallel(contender: Contender, commands: readonly (readonly string[])[]): void {
  const finished = runPrograms(
    commands.map((args) => [...contender.command, ...args]),
    { discard: true },
  );
  const failed = finished.find(({ exitCode }) => exitCode !== 0);
  if (failed) throw new Error(`${contender.name}: ${failed.stderr.slice(-300)}`);
}

const FORTY = Array.from({ length: 40 }, (_, index) => `b40-${index}`);

function removeForty(contender: Contender): void {
  const timeout = contender.kind === 'podman' ? ['-t', '0'] : [];
  command(contender, ['rm', '-f', ...timeout, ...FORTY], { check: false });
}

function startForty(contender: Contender): void {
  inParallel(
    contender,
    FORTY.map((name) => ['run', '-d', '--name', name, 'bench', 'sleep', '1000']),
  );
}

/** Two command lines may drive one daemon: each has containers of its own. */
function nameOf(contender: Contender, name: string): string {
  return `${name}-${contender.name.replaceAll(' ', '-')}`;
}

function idsOf(contender: Contender, label: string): readonly string[] {
  return command(contender, ['ps', '-aq', '--filter', `label=${label}`])
    .split('\n')
    .filter(Boolean);
}

const YES = 'yes 0123456789012345678901234567890123456789012345678901234567890 | head -c 200000000';

/** The default log of this engine is bounded to less than the case prints; here it must keep everything, too. */
function keepAll(contender: Contender): readonly string[] {
  return contender.kind === 'caisson' ? ['--log-opt', 'max-size=300m'] : [];
}

let copies = 0;

export const CASES: readonly Case[] = [
  { name: 'run-none', run: (c) => void command(c, ['run', '--rm', '--network', 'none', 'bench', 'true']) },
  { name: 'run-bridge', run: (c) => void command(c, ['run', '--rm', 'bench', 'true']) },
  { name: 'run-publish', run: (c) => void command(c, ['run', '--rm', '-p', '80', 'bench', 'true']) },
  {
    name: 'exec',
    setUp: (c) =>
      void command(c, [
        'run',
        '-d',
        '--name',
        nameOf(c, 'bx'),
        '--network',
        'none',
        'bench',
        'sleep',
        '1000',
      ]),
    run: (c) => void command(c, ['exec', nameOf(c, 'bx'), 'true']),
    tearDown: (c) => void command(c, ['rm', '-f', nameOf(c, 'bx')], { check: false }),
  },
  {
    name: 'start-40-parallel',
    runs: 3,
    cold: true,
    before: removeForty,
    run: startForty,
    tearDown: removeForty,
  },
  {
    name: 'rm-f-40',
    runs: 2,
    cold: true,
    setUp: () => undefined,
    before: (c) => {
      for (const name of FORTY) command(c, ['run', '-d', '--name', name, 'bench', 'sleep', '1000']);
    },
    run: removeForty,
  },
  {
    name: 'ps-200',
    // Two command lines may drive one daemon, which then has them already.
    setUp: (c) => {
      for (let count = idsOf(c, 'b200').length; count < 200; count++) {
        command(c, ['create', '--label', 'b200', '--network', 'none', 'bench', 'true']);
      }
    },
    run: (c) => void command(c, ['ps', '-a']),
    tearDown: (c) => {
      const ids = idsOf(c, 'b200');
      if (ids.length > 0) command(c, ['rm', ...ids]);
    },
  },
  {
    name: 'load',
    runs: 3,
    before: (c) => void command(c, ['rmi', '-f', 'layered'], { check: false }),
    run: (c, { layeredArchive }) => void command(c, ['load', '-i', layeredArchive]),
  },
  {
    name: 'logs-200MB',
    runs: 2,
    cold: true,
    before: (c) => void command(c, ['rm', '-f', nameOf(c, 'bl')], { check: false }),
    run: (c) =>
      commandToNull(c, [
        'run',
        '--name',
        nameOf(c, 'bl'),
        '--network',
        'none',
        ...keepAll(c),
        'bench',
        'sh',
        '-c',
        YES,
      ]),
  },
  {
    name: 'logs-read-200MB',
    runs: 2,
    cold: true,
    run: (c) => commandToNull(c, ['logs', nameOf(c, 'bl')]),
    tearDown: (c) => void command(c, ['rm', '-f', nameOf(c, 'bl')], { check: false }),
  },
  {
    name: 'cp-in-out',
    runs: 3,
    setUp: (c) => void command(c, ['create', '--name', nameOf(c, 'bcp'), 'bench', 'true']),
    // To new places every time: ext4 without a journal looks at each inode number that was freed in the last minutes
    // before it takes another one, and would be measured instead.
    run: (c, { directory, filesFolder }) => {
      const copy = String(copies++);
      const inside = `${nameOf(c, 'bcp')}:/data/${copy}`;
      command(c, ['cp', filesFolder, inside]);
      command(c, ['cp', inside, join(directory, `cp-out-${copy}`)]);
    },
    tearDown: (c) => void command(c, ['rm', '-f', nameOf(c, 'bcp')], { check: false }),
  },
  {
    name: 'cp-300MB-in-out',
    runs: 3,
    setUp: (c, { directory }) => {
      const file = join(directory, 'cp-300MB');
      if (!existsSync(file)) writeFileSync(file, randomBytes(300_000_000));
      command(c, ['create', '--name', nameOf(c, 'bbig'), 'bench', 'true']);
    },
    run: (c, { directory }) => {
      const file = join(directory, 'cp-300MB');
      const inside = `${nameOf(c, 'bbig')}:/data/big`;
      command(c, ['cp', file, inside]);
      command(c, ['cp', inside, join(directory, `cp-300MB-out-${copies++}`)]);
    },
    tearDown: (c) => void command(c, ['rm', '-f', nameOf(c, 'bbig')], { check: false }),
  },
  {
    name: 'commit-100MB',
    runs: 3,
    setUp: (c) => {
      const write = 'head -c 100000000 /dev/urandom > /data/big; exec sleep 1000';
      const name = nameOf(c, 'bcommit');
      command(c, ['run', '-d', '--network', 'none', '--name', name, 'bench', 'sh', '-c', write]);
      command(c, ['exec', name, 'sh', '-c', 'until [ "$(stat -c %s /data/big)" = 100000000 ]; do :; done']);
    },
    run: (c) => void command(c, ['commit', nameOf(c, 'bcommit'), `committed:${copies++}`]),
    tearDown: (c) => void command(c, ['rm', '-f', nameOf(c, 'bcommit')], { check: false }),
  },
];
