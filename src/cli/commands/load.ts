import { createReadStream, fstatSync, openSync } from 'node:fs';
import { defineCommand } from '../command.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { platformsFlag, platformTexts } from '../platform-flag.ts';
import { createMeter } from '../progress/meter.ts';
import { showProgress } from '../progress/progress-display.ts';
import { stdinIsTerminal } from '../terminal/terminal.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Load an image from a tar archive or STDIN',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson load -i image.tar', 'caisson load < image.tar.gz'],
  flags: {
    input: stringFlag('Read from tar archive file, instead of STDIN', { short: 'i' }),
    quiet: booleanFlag('Suppress the load output', { short: 'q' }),
    platform: platformsFlag,
  },
  run: async (context, { flags }) => {
    if (flags.input === '' && stdinIsTerminal()) {
      throw new ExitError(
        1,
        'requested load from stdin, but stdin is empty: name the archive with -i, or pipe it in',
      );
    }
    const file = flags.input === '' ? undefined : openSync(flags.input, 'r');
    const total = file === undefined ? 0 : fstatSync(file).size;
    const source =
      file === undefined ? process.stdin : createReadStream('', { fd: file, highWaterMark: READ_BYTES });
    using meter = createMeter(context, flags.quiet, { label: 'Loading', ...(total > 0 ? { total } : {}) });
    const response = await context.client.request({
      method: 'POST',
      path: '/images/load',
      query: { quiet: true, platform: platformTexts(flags.platform) },
      body: meter.count(source),
    });
    meter[Symbol.dispose]();
    await showProgress(response.body, context.stdout);
    return 0;
  },
});

const READ_BYTES = 1 << 18;
