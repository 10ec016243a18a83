import { path } from '#client/client.ts';
import { defineCommand, MANY } from '../command.ts';
import { fetchText } from '../fetch-text.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { OBJECT_FORMAT_HELP } from '../format/format-help.ts';
import { inspectObjects } from '../format/inspect-output.ts';

export const command = defineCommand({
  summary: 'Display detailed information on one or more containers',
  usage: ['[OPTIONS] CONTAINER [CONTAINER...]'],
  operands: { min: 1, max: MANY, kind: 'container' },
  examples: ["caisson container inspect -f '{{.State.ExitCode}}' web"],
  flags: {
    format: stringFlag(OBJECT_FORMAT_HELP, { short: 'f' }),
    size: booleanFlag('Display total file sizes', { short: 's' }),
  },
  run: (context, { flags, operands }) =>
    inspectObjects(context, operands, flags.format, (name) =>
      fetchText(context.client, path`/containers/${name}/json`, { size: flags.size }),
    ),
});
