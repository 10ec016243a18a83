import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  summary: 'Join standard input and output to the engine, for ssh:// of another machine',
  usage: [''],
  operands: { min: 0, max: 0 },
  examples: ['caisson system dial-stdio'],
  flags: {},
  run: async (context) => {
    // Not blocking, as standard output is elsewhere: what comes in goes on while the reader is slow.
    const output = createWriteStream('', { fd: 1 });
    const written = finished(output);
    const engine = await context.client.dial({
      data: (chunk) => {
        if (output.write(chunk)) return;
        engine.pause();
        output.once('drain', () => engine.resume());
      },
      closed: (error) => (error ? output.destroy(error) : output.end()),
    });
    const { stdin } = process;
    stdin.on('data', (chunk: Buffer) => {
      if (engine.write(chunk)) return;
      stdin.pause();
      void engine.drained().then(() => stdin.resume());
    });
    stdin.on('end', () => engine.end());
    stdin.on('error', () => engine.end());
    await written;
    return 0;
  },
});
