import { pruneNetworks } from '#client/networks.ts';
import { defineCommand } from '../command.ts';
import { confirmPrune, printPruned, pruneFlags, withPruneFilters } from '../prune.ts';

export const command = defineCommand({
  summary: 'Remove all unused networks',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson network prune -f'],
  flags: pruneFlags,
  run: async (context, { flags }) => {
    const warning = 'WARNING! This will remove all custom networks not used by at least one container.';
    if (!(await confirmPrune(context, flags.force, warning))) return 0;
    const filter = withPruneFilters(context, flags.filter);
    const report = await pruneNetworks(context.client, filter);
    printPruned(context, 'Deleted Networks:', report.NetworksDeleted ?? []);
    return 0;
  },
});
