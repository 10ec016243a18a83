import { tagImage } from '#client/images.ts';
import { defineCommand } from '../command.ts';
import { splitReference } from '../image-reference.ts';

export const command = defineCommand({
  summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  usage: ['SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]'],
  operands: { min: 2, max: 2, kind: 'image' },
  examples: ['caisson tag app registry.example.com/app:1.0'],
  flags: {},
  run: async (context, { operands: [source = '', target = ''] }) => {
    const { repository, tag } = splitReference(target);
    await tagImage(context.client, source, repository, tag || 'latest');
    return 0;
  },
});
