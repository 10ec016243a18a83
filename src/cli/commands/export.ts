import { path } from '#client/client.ts';
import { defineCommand } from '../command.ts';
import { stringFlag } from '../flag.ts';
import { writeStream } from '../write-stream.ts';

export const command = defineCommand({
  summary: "Export a container's filesystem as a tar archive",
  usage: ['[OPTIONS] CONTAINER'],
  operands: { min: 1, max: 1, kind: 'container' },
  examples: ['caisson export -o root.tar web', 'caisson export web | tar -t'],
  flags: { output: stringFlag('Write to a file, instead of STDOUT', { short: 'o' }) },
  run: async (context, { flags, operands: [name = ''] }) => {
    const open = async (): Promise<AsyncIterable<Buffer>> => {
      const response = await context.client.request({
        method: 'GET',
        path: path`/containers/${name}/export`,
      });
      return response.body;
    };
    await writeStream(context, open, flags.output, 'Exporting');
    return 0;
  },
});
