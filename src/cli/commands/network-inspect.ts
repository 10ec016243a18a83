import { path } from '#client/client.ts';
import { defineCommand, MANY } from '../command.ts';
import { fetchText } from '../fetch-text.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { OBJECT_FORMAT_HELP } from '../format/format-help.ts';
import { inspectObjects } from '../format/inspect-output.ts';

export const command = defineCommand({
  summary: 'Display detailed information on one or more networks',
  usage: ['[OPTIONS] NETWORK [NETWORK...]'],
  operands: { min: 1, max: MANY, kind: 'network' },
  examples: ["caisson network inspect -f '{{json .Containers}}' back"],
  flags: {
    format: stringFlag(OBJECT_FORMAT_HELP, { short: 'f' }),
    verbose: booleanFlag('Verbose output for diagnostics', { short: 'v' }),
  },
  run: (context, { flags, operands }) =>
    inspectObjects(context, operands, flags.format, (name) =>
      fetchText(context.client, path`/networks/${name}`, { verbose: flags.verbose }),
    ),
});
