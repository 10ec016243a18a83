import { path } from '#client/client.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag } from '../flag.ts';
import { splitReference } from '../image-reference.ts';
import { platformFlag, platformQuery } from '../platform-flag.ts';
import { transferImage } from '../pull-image.ts';

export const command = defineCommand({
  summary: 'Upload an image to a registry',
  usage: ['[OPTIONS] NAME[:TAG]'],
  operands: { min: 1, max: 1, kind: 'image' },
  examples: ['caisson push registry.example.com/app:1.0'],
  flags: {
    allTags: booleanFlag('Push all tags of an image to the repository', { short: 'a' }),
    disableContentTrust: booleanFlag('Skip image signing', { initial: true }),
    platform: platformFlag,
    quiet: booleanFlag('Suppress verbose output', { short: 'q' }),
  },
  run: async (context, { flags, operands: [image = ''] }) => {
    const { repository, tag } = splitReference(image);
    if (tag === '' && !flags.allTags && !flags.quiet) context.print('Using default tag: latest');
    await transferImage(context, image, {
      path: path`/images/${repository}/push`,
      query: { tag: flags.allTags ? undefined : tag || 'latest', ...platformQuery(flags.platform) },
      output: flags.quiet ? undefined : context.stdout,
    });
    if (flags.quiet) context.print(image);
    return 0;
  },
});
