import { pruneVolumes } from '#client/volumes.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag } from '../flag.ts';
import { confirmPrune, printPruned, pruneFlags, withPruneFilters } from '../prune.ts';

export const command = defineCommand({
  summary: 'Remove unused local volumes',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson volume prune -f', 'caisson volume prune -af --filter label!=keep'],
  flags: {
    all: booleanFlag('Remove all unused volumes, not just anonymous ones', { short: 'a' }),
    ...pruneFlags,
  },
  run: async (context, { flags }) => {
    const what = flags.all ? 'all local volumes' : 'anonymous local volumes';
    const warning = `WARNING! This will remove ${what} not used by at least one container.`;
    if (!(await confirmPrune(context, flags.force, warning))) return 0;
    const filter = withPruneFilters(context, flags.filter);
    const filters = flags.all ? { ...filter, all: ['true'] } : filter;
    const report = await pruneVolumes(context.client, filters);
    printPruned(context, 'Deleted Volumes:', report.VolumesDeleted ?? [], report.SpaceReclaimed);
    return 0;
  },
});
