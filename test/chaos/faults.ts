/** What happens to the engine while clients work, and how it is put right. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '#base/testing.ts';
import type { Random } from '../fuzz/random.ts';
import type { World } from './world.ts';

/** What is found wrong in between; clients go on meanwhile but where `pause` stops them. */
export interface FaultContext {
  readonly world: World;
  readonly random: Random;
  readonly wrong: string[];
  /** Nothing is asked of the engine any more once it resolves. */
  readonly pause: () => Promise<void>;
}

export const FAULTS: Readonly<Record<string, (context: FaultContext) => Promise<void>>> = {
  kill: async ({ world }) => {
    await world.engine.kill();
  },
  stop: async ({ world }) => {
    await world.engine.stop();
  },
  'full disk': async ({ world, random }) => {
    const filler = join(world.engine.root, 'filler');
    world.isDiskFull = true;
    fill(filler);
    await sleep(200 + random.below(500));
    if (random.below(2) === 0) await world.engine.kill();
    rmSync(filler);
    world.isDiskFull = false;
    await world.engine.stop();
  },
  'lost directory': loseDirectory,
  'hung file system': hang,
};

function fill(path: string): void {
  const fd = openSync(path, 'a');
  const block = Buffer.alloc(1 << 20);
  for (let size = block.length; size >= 512; ) {
    try {
      writeSync(fd, block, 0, size);
    } catch {
      size = Math.floor(size / 4);
    }
  }
  closeSync(fd);
}

const LOSABLE = ['snapshots', 'layers', 'volumes', 'containers'] as const;

/** A part of the root is not there at one start, as when a file system is not mounted. */
async function loseDirectory({ world, random, wrong, pause }: FaultContext): Promise<void> {
  const { engine } = world;
  await pause();
  const name = LOSABLE[random.below(LOSABLE.length)] ?? 'snapshots';
  const before = await containerNames(world);
  await engine.stop();
  const [path, away] = [join(engine.root, name), join(engine.root, `away-${name}`)];
  renameSync(path, away);
  await engine.start();
  const after = await containerNames(world);
  for (const each of before)
    if (!after.includes(each)) wrong.push(`container ${each} is lost while ${name} is not there`);
  await engine.stop();
  rmSync(path, { recursive: true });
  renameSync(away, path);
}

async function containerNames(world: World): Promise<readonly string[]> {
  const rows: readonly { readonly Names: readonly string[] }[] = JSON.parse(
    await world.succeed('GET', '/containers/json?all=1'),
  );
  return rows.flatMap(({ Names }) => Names);
}

const PROGRAM = join(import.meta.dirname, '../../src/linux/hung-mount.fixture.ts');

/** A bind that does not answer holds up its own container only. */
async function hang({ world, wrong }: FaultContext): Promise<void> {
  const target = join(world.engine.directory, 'hung');
  mkdirSync(target, { recursive: true });
  const child = spawn(process.execPath, [PROGRAM, target], { stdio: ['pipe', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  const body = { Image: 'bb', Cmd: ['true'], HostConfig: { Binds: [`${target}/x:/x`] } };
  const hung = world.ask('POST', '/containers/create?name=hung', body).catch(() => undefined);
  for (let count = 0; count < 5; count++) {
    const started = performance.now();
    await world.succeed('GET', '/containers/json');
    if (performance.now() - started > 3000) wrong.push('a list waits for a hung file system');
  }
  child.stdin.end();
  await exited;
  await hung;
  await world.ask('DELETE', '/containers/hung?force=1');
  await until(async () => (await world.ask('GET', '/_ping')).status === 200, 'the engine answers');
}
