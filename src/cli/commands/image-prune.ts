import { pruneImages } from '#client/images.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag } from '../flag.ts';
import { confirmPrune, printPruned, pruneFlags, withPruneFilters } from '../prune.ts';

export const command = defineCommand({
  summary: 'Remove unused images',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson image prune', 'caisson image prune -af --filter until=240h'],
  flags: {
    all: booleanFlag('Remove all unused images, not just dangling ones', { short: 'a' }),
    ...pruneFlags,
  },
  run: async (context, { flags }) => {
    const warning = flags.all
      ? 'WARNING! This will remove all images without at least one container associated to them.'
      : 'WARNING! This will remove all dangling images.';
    if (!(await confirmPrune(context, flags.force, warning))) return 0;
    const filter = withPruneFilters(context, flags.filter);
    const report = await pruneImages(context.client, { ...filter, dangling: [String(!flags.all)] });
    const lines = (report.ImagesDeleted ?? []).map((step) =>
      'Untagged' in step && step.Untagged
        ? `untagged: ${step.Untagged}`
        : `deleted: ${'Deleted' in step ? step.Deleted : ''}`,
    );
    printPruned(context, 'Deleted Images:', lines, report.SpaceReclaimed);
    return 0;
  },
});
