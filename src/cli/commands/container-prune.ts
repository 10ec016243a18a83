import { pruneContainers } from '#client/containers.ts';
import { defineCommand } from '../command.ts';
import { confirmPrune, printPruned, pruneFlags, withPruneFilters } from '../prune.ts';

export const command = defineCommand({
  summary: 'Remove all stopped containers',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson container prune -f --filter until=24h'],
  flags: pruneFlags,
  run: async (context, { flags }) => {
    const warning = 'WARNING! This will remove all stopped containers.';
    if (!(await confirmPrune(context, flags.force, warning))) return 0;
    const filter = withPruneFilters(context, flags.filter);
    const report = await pruneContainers(context.client, filter);
    printPruned(context, 'Deleted Containers:', report.ContainersDeleted ?? [], report.SpaceReclaimed);
    return 0;
  },
});
