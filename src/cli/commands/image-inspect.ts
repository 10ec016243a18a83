import { path, type Query } from '#client/client.ts';
import { defineCommand, MANY } from '../command.ts';
import { fetchText } from '../fetch-text.ts';
import { stringFlag } from '../flag.ts';
import { OBJECT_FORMAT_HELP } from '../format/format-help.ts';
import { inspectObjects } from '../format/inspect-output.ts';
import { platformFlag, platformQuery } from '../platform-flag.ts';

export const command = defineCommand({
  summary: 'Display detailed information on one or more images',
  usage: ['[OPTIONS] IMAGE [IMAGE...]'],
  operands: { min: 1, max: MANY, kind: 'image' },
  flags: {
    format: stringFlag(OBJECT_FORMAT_HELP, { short: 'f' }),
    platform: platformFlag,
  },
  run: (context, { flags, operands }) =>
    inspectObjects(context, operands, flags.format, (name) =>
      fetchText(context.client, path`/images/${name}/json`, queryOf(flags.platform)),
    ),
});

/** The platforms are told unless one is chosen. */
function queryOf(platform: string): Query {
  return platform === '' ? { manifests: true } : platformQuery(platform);
}
