import { path } from '#client/client.ts';
import { defineCommand, MANY } from '../command.ts';
import { fetchText } from '../fetch-text.ts';
import { stringFlag } from '../flag.ts';
import { OBJECT_FORMAT_HELP } from '../format/format-help.ts';
import { inspectObjects } from '../format/inspect-output.ts';

export const command = defineCommand({
  summary: 'Display detailed information on one or more volumes',
  usage: ['[OPTIONS] VOLUME [VOLUME...]'],
  operands: { min: 1, max: MANY, kind: 'volume' },
  examples: ["caisson volume inspect -f '{{.Mountpoint}}' data"],
  flags: {
    format: stringFlag(OBJECT_FORMAT_HELP, { short: 'f' }),
  },
  run: (context, { flags, operands }) =>
    inspectObjects(context, operands, flags.format, (name) =>
      fetchText(context.client, path`/volumes/${name}`),
    ),
});
