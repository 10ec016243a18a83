import { removeImage } from '#client/images.ts';
import { isEngineError } from '#base/errors.ts';
import { defineCommand, MANY } from '../command.ts';
import { booleanFlag } from '../flag.ts';
import { platformsFlag, platformTexts } from '../platform-flag.ts';
import { tellError } from '../report-failure.ts';

export const command = defineCommand({
  summary: 'Remove one or more images',
  usage: ['[OPTIONS] IMAGE [IMAGE...]'],
  operands: { min: 1, max: MANY, kind: 'image' },
  examples: ['caisson rmi app:1.0', 'caisson rmi $(caisson images -q --filter dangling=true)'],
  flags: {
    force: booleanFlag('Force removal of the image', { short: 'f' }),
    noPrune: booleanFlag('Do not delete untagged parents'),
    platform: platformsFlag,
  },
  run: async (context, { flags, operands }) => {
    let exitCode = 0;
    const options = {
      force: flags.force,
      noprune: flags.noPrune,
      platforms: platformTexts(flags.platform),
    };
    // One after the other: which one deletes shared layers is told in the order of the names.
    for (const name of operands) {
      try {
        const steps = await removeImage(context.client, name, options);
        for (const step of steps) {
          context.print('Deleted' in step ? `Deleted: ${step.Deleted}` : `Untagged: ${step.Untagged}`);
        }
      } catch (error) {
        if (!(flags.force && isEngineError(error, 'not-found'))) exitCode = 1;
        await tellError(context, error);
      }
    }
    return exitCode;
  },
});
