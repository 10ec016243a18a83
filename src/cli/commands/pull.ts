import { defaultPlatformFlag } from '../platform-flag.ts';
import { defineCommand } from '../command.ts';
import { withTag } from '../create-container.ts';
import { booleanFlag } from '../flag.ts';
import { splitReference } from '../image-reference.ts';
import { pullImage } from '../pull-image.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Download an image from a registry',
  usage: ['[OPTIONS] NAME[:TAG|@DIGEST]'],
  operands: { min: 1, max: 1 },
  examples: ['caisson pull debian:trixie', 'caisson pull --platform linux/arm64 registry.example.com/app'],
  flags: {
    allTags: booleanFlag('Download all tagged images in the repository', { short: 'a' }),
    disableContentTrust: booleanFlag('Skip image verification', { initial: true }),
    platform: defaultPlatformFlag,
    quiet: booleanFlag('Suppress verbose output', { short: 'q' }),
  },
  run: async (context, { flags, operands: [image = ''] }) => {
    if (flags.allTags && splitReference(image).tag !== '')
      throw new ExitError(1, "tag can't be used with --all-tags/-a");
    const untagged = splitReference(image).tag === '' && !flags.allTags;
    if (untagged && !flags.quiet) context.print('Using default tag: latest');
    const output = flags.quiet ? undefined : context.stdout;
    await pullImage(context, image, { platform: flags.platform, output, allTags: flags.allTags });
    context.print(fullName(flags.allTags ? image : withTag(image)));
    return 0;
  },
});

/** With the registry and the library that short names leave out. */
function fullName(image: string): string {
  const first = image.split('/')[0] ?? '';
  if (image.includes('/') && (/[.:]/.test(first) || first === 'localhost')) return image;
  return image.includes('/') ? `docker.io/${image}` : `docker.io/library/${image}`;
}
