import { ApiError } from '#client/api-error.ts';
import { path } from '#client/client.ts';
import { defineCommand, MANY } from '../command.ts';
import type { Context } from '../context.ts';
import { fetchText } from '../fetch-text.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { OBJECT_FORMAT_HELP } from '../format/format-help.ts';
import { inspectObjects } from '../format/inspect-output.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Return low-level information on Docker objects',
  usage: ['[OPTIONS] NAME|ID [NAME|ID...]'],
  operands: { min: 1, max: MANY, kind: 'container' },
  examples: [
    "caisson inspect -f '{{.NetworkSettings.IPAddress}}' web",
    'caisson inspect --type image debian',
  ],
  flags: {
    format: stringFlag(OBJECT_FORMAT_HELP, { short: 'f' }),
    size: booleanFlag('Display total file sizes if the type is container', { short: 's' }),
    type: stringFlag('Return JSON for specified type'),
  },
  run: async (context, { flags, operands }) => {
    const kinds = flags.type === '' ? KINDS : KINDS.filter(({ name }) => name === flags.type);
    if (kinds.length === 0)
      throw new ExitError(1, `${JSON.stringify(flags.type)} is not a valid value for --type`);
    if (flags.size && flags.type !== '' && flags.type !== 'container') {
      context.say(`WARNING: --size ignored for ${flags.type}s`);
    }
    return inspectObjects(context, operands, flags.format, (name) =>
      fetchFirst(context, kinds, name, flags.size),
    );
  },
});

interface Kind {
  readonly name: string;
  readonly path: (name: string) => string;
}

/** In the order in which a name is looked up. */
const KINDS: readonly Kind[] = [
  { name: 'container', path: (name) => path`/containers/${name}/json` },
  { name: 'image', path: (name) => path`/images/${name}/json` },
  { name: 'network', path: (name) => path`/networks/${name}` },
  { name: 'volume', path: (name) => path`/volumes/${name}` },
  { name: 'plugin', path: (name) => path`/plugins/${name}/json` },
];

async function fetchFirst(
  context: Context,
  kinds: readonly Kind[],
  name: string,
  size: boolean,
): Promise<string> {
  let missing: unknown;
  for (const kind of kinds) {
    try {
      return await fetchText(context.client, kind.path(name), kind.name === 'container' ? { size } : {});
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      missing = error;
    }
  }
  if (kinds.length === 1) throw missing;
  throw new ApiError(404, `No such object: ${name}`);
}
