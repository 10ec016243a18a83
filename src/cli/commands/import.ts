import { defaultPlatformFlag } from '../platform-flag.ts';
import { createReadStream, fstatSync, openSync } from 'node:fs';
import { defineCommand } from '../command.ts';
import { listFlag, stringFlag } from '../flag.ts';
import { importImage } from '../import-image.ts';
import { createMeter } from '../progress/meter.ts';

export const command = defineCommand({
  summary: 'Import the contents from a tarball to create a filesystem image',
  usage: ['[OPTIONS] file|URL|- [REPOSITORY[:TAG]]'],
  operands: { min: 1, max: 2, kind: 'file' },
  examples: ['caisson import rootfs.tar.gz tiny:latest', 'caisson import -c \'CMD ["sh"]\' rootfs.tar tiny'],
  flags: {
    change: listFlag('Apply Dockerfile instruction to the created image', { short: 'c' }),
    message: stringFlag('Set commit message for imported image', { short: 'm' }),
    platform: defaultPlatformFlag,
  },
  run: async (context, { flags, operands: [source = '', reference = ''] }) => {
    const options = { reference, changes: flags.change, message: flags.message, platform: flags.platform };
    if (/^https?:\/\//.test(source)) {
      await importImage(context, { ...options, from: source });
      return 0;
    }
    const file = source === '-' ? undefined : openSync(source, 'r');
    const total = file === undefined ? 0 : fstatSync(file).size;
    using meter = createMeter(context, false, { label: 'Importing', ...(total > 0 ? { total } : {}) });
    const stream =
      file === undefined ? process.stdin : createReadStream('', { fd: file, highWaterMark: 1 << 18 });
    await importImage(context, { ...options, from: '-', body: meter.count(stream) });
    return 0;
  },
});
