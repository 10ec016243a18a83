import { changesOfContainer } from '#client/containers.ts';
import { defineCommand } from '../command.ts';
import { stringFlag } from '../flag.ts';
import { type Listing, printRows } from '../format/rows.ts';
import { Row } from '../template/value.ts';

const KINDS = ['C', 'A', 'D'];

const listing: Listing = { headings: { Type: 'CHANGE TYPE', Path: 'PATH' }, columns: ['Type', 'Path'] };

export const command = defineCommand({
  summary: "Inspect changes to files or directories on a container's filesystem",
  usage: ['CONTAINER'],
  operands: { min: 1, max: 1, kind: 'container' },
  examples: ['caisson diff web'],
  flags: { format: stringFlag('Format output using a custom template') },
  run: async (context, { flags, operands: [name = ''] }) => {
    const changes = (await changesOfContainer(context.client, name)) ?? [];
    const rows = changes.map(
      ({ Kind, Path }) => new Row({ Type: () => KINDS[Kind] ?? '', Path: () => Path }),
    );
    printRows(context, listing, rows, flags.format || '{{.Type}} {{.Path}}');
    return 0;
  },
});
