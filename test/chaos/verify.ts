/** Compares what clients were told with what there is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ledger } from './ledger.ts';
import type { World } from './world.ts';

interface Container {
  readonly Names: readonly string[];
  readonly State: string;
}

/** @returns what was lost, one line each */
export async function verify(world: World, ledger: Ledger): Promise<readonly string[]> {
  const containers: readonly Container[] = JSON.parse(await world.succeed('GET', '/containers/json?all=1'));
  const images: readonly { readonly RepoTags: readonly string[] }[] = JSON.parse(
    await world.succeed('GET', '/images/json'),
  );
  const { Volumes }: { readonly Volumes: readonly { readonly Name: string }[] } = JSON.parse(
    await world.succeed('GET', '/volumes'),
  );
  const names = {
    container: new Set(containers.flatMap(({ Names }) => Names.map((name) => name.slice(1)))),
    image: new Set(images.flatMap(({ RepoTags }) => RepoTags.map((tag) => tag.replace(/:latest$/, '')))),
    volume: new Set(Volumes.map(({ Name }) => Name)),
  };
  const wrong = (['container', 'image', 'volume'] as const).flatMap((kind) =>
    ledger.compare(kind, names[kind]),
  );
  for (const { Names, State } of containers)
    if (State === 'dead') wrong.push(`container ${Names.join()} is dead`);
  return [...wrong, ...(await wrongExits(world, ledger)), ...wrongContents(world, ledger)];
}

async function wrongExits(world: World, ledger: Ledger): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const { name, exitCode, output = '' } of ledger.of('container')) {
    if (exitCode === undefined) continue;
    const { State }: { readonly State: { readonly Status: string; readonly ExitCode: number } } = JSON.parse(
      await world.succeed('GET', `/containers/${name}/json`),
    );
    if (State.Status !== 'exited' || State.ExitCode !== exitCode)
      wrong.push(`container ${name} is ${State.Status} (${State.ExitCode}), and had exited (${exitCode})`);
    const log = await world.succeed('GET', `/containers/${name}/logs?stdout=1`);
    if (!log.endsWith(output)) wrong.push(`the log of ${name} says ${JSON.stringify(log)}`);
  }
  return wrong;
}

function wrongContents({ engine }: World, ledger: Ledger): readonly string[] {
  return ledger.of('volume').flatMap(({ name, content }) => {
    if (content === undefined) return [];
    try {
      const found = readFileSync(join(engine.root, 'volumes', name, '_data/file'), 'utf8');
      return found === content ? [] : [`volume ${name} holds ${JSON.stringify(found)}`];
    } catch (error) {
      return [`volume ${name} cannot be read: ${String(error)}`];
    }
  });
}
