import { path } from '#client/client.ts';
import { defineCommand, MANY } from '../command.ts';
import { fetchText } from '../fetch-text.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { OBJECT_FORMAT_HELP } from '../format/format-help.ts';
import { inspectObjects } from '../format/inspect-output.ts';
import { platformFlag, platformQuery } from '../platform-flag.ts';

export const command = defineCommand({
  summary: 'Display detailed information on one or more images',
  usage: ['[OPTIONS] IMAGE [IMAGE...]'],
  operands: { min: 1, max: MANY, kind: 'image' },
  examples: ["caisson image inspect -f '{{.Config.Cmd}}' debian"],
  flags: {
    format: stringFlag(OBJECT_FORMAT_HELP, { short: 'f' }),
    platform: platformFlag,
    platforms: booleanFlag('Also tell the platforms of the index that the image came from'),
  },
  run: (context, { flags, operands }) =>
    inspectObjects(context, operands, flags.format, (name) =>
      fetchText(context.client, path`/images/${name}/json`, {
        ...platformQuery(flags.platform),
        manifests: flags.platforms,
      }),
    ),
});
