import { defineCommand, MANY } from '../command.ts';
import { stringFlag } from '../flag.ts';
import { platformsFlag, platformTexts } from '../platform-flag.ts';
import { writeStream } from '../write-stream.ts';

export const command = defineCommand({
  summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
  usage: ['[OPTIONS] IMAGE [IMAGE...]'],
  operands: { min: 1, max: MANY, kind: 'image' },
  examples: ['caisson save -o app.tar app:1.0'],
  flags: {
    output: stringFlag('Write to a file, instead of STDOUT', { short: 'o' }),
    platform: platformsFlag,
  },
  run: async (context, { flags, operands }) => {
    const open = async (): Promise<AsyncIterable<Buffer>> => {
      const response = await context.client.request({
        method: 'GET',
        path: '/images/get',
        query: { names: operands, platform: platformTexts(flags.platform) },
      });
      return response.body;
    };
    await writeStream(context, open, flags.output, 'Saving');
    return 0;
  },
});
