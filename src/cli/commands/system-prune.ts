import { encodeFilters } from '#client/client.ts';
import { type Filters, pruneContainers } from '#client/containers.ts';
import { pruneImages } from '#client/images.ts';
import { pruneNetworks } from '#client/networks.ts';
import { pruneVolumes } from '#client/volumes.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { booleanFlag } from '../flag.ts';
import { humanSize } from '../format/sizes.ts';
import { confirmPrune, printPruned, pruneFlags, withPruneFilters } from '../prune.ts';

export const command = defineCommand({
  summary: 'Remove unused data',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson system prune', 'caisson system prune -af --volumes'],
  flags: {
    all: booleanFlag('Remove all unused images not just dangling ones', { short: 'a' }),
    ...pruneFlags,
    volumes: booleanFlag('Prune anonymous volumes'),
  },
  run: async (context, { flags }) => {
    if (!(await confirmPrune(context, flags.force, warningOf(flags)))) return 0;
    const filter = withPruneFilters(context, flags.filter);
    const { client } = context;
    const containers = await pruneContainers(client, filter);
    printPruned(context, 'Deleted Containers:', containers.ContainersDeleted ?? []);
    const networks = await pruneNetworks(client, filter);
    printPruned(context, 'Deleted Networks:', networks.NetworksDeleted ?? []);
    const volumes = flags.volumes ? await pruneVolumes(client, filter) : undefined;
    printPruned(context, 'Deleted Volumes:', volumes?.VolumesDeleted ?? []);
    const images = await pruneImages(client, { ...filter, dangling: [String(!flags.all)] });
    const lines = (images.ImagesDeleted ?? []).map((step) =>
      'Untagged' in step && step.Untagged
        ? `untagged: ${step.Untagged}`
        : `deleted: ${'Deleted' in step ? step.Deleted : ''}`,
    );
    printPruned(context, 'Deleted Images:', lines);
    const cache = await pruneBuildCache(context, flags.all, filter);
    printPruned(context, 'Deleted build cache objects:', cache.CachesDeleted ?? []);
    const total = [containers, volumes, images, cache].reduce(
      (sum, report) => sum + (report?.SpaceReclaimed ?? 0),
      0,
    );
    context.print(`Total reclaimed space: ${humanSize(total)}`);
    return 0;
  },
});

interface CachePruneReport {
  readonly CachesDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}

async function pruneBuildCache(context: Context, all: boolean, filters: Filters): Promise<CachePruneReport> {
  try {
    return await context.client.json<CachePruneReport>({
      method: 'POST',
      path: '/build/prune',
      query: { all, filters: encodeFilters(filters) },
    });
  } catch {
    // An engine without a builder has no cache.
    return { CachesDeleted: [], SpaceReclaimed: 0 };
  }
}

function warningOf(flags: { readonly all: boolean; readonly volumes: boolean }): string {
  const lines = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(flags.volumes ? ['all anonymous volumes not used by at least one container'] : []),
    flags.all ? 'all images without at least one container associated to them' : 'all dangling images',
    flags.all ? 'all build cache' : 'unused build cache',
  ];
  return `WARNING! This will remove:\n${lines.map((line) => `  - ${line}\n`).join('')}`;
}
