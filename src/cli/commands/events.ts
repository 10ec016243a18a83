import { formatUnixTimestamp, resolveTimestamp } from '#base/timestamps.ts';
import type { EventMessage } from '#wire/event.ts';
import { encodeFilters } from '#client/client.ts';
import { jsonLines } from '#client/json-lines.ts';
import { defineCommand } from '../command.ts';
import { filterFlag, stringFlag } from '../flag.ts';
import { OBJECT_FORMAT_HELP } from '../format/format-help.ts';
import { rfc3339 } from '../format/times.ts';
import { parseJson } from '../template/json-text.ts';
import { compileTemplate } from '../template/template.ts';

export const command = defineCommand({
  summary: 'Get real time events from the server',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson events --filter type=container --since 1h'],
  flags: {
    filter: filterFlag('Filter output based on conditions provided', { short: 'f' }),
    format: stringFlag(OBJECT_FORMAT_HELP),
    since: stringFlag('Show all events created since timestamp'),
    until: stringFlag('Stream events until this timestamp'),
  },
  run: async (context, { flags }) => {
    const { format } = flags;
    const template = format === '' || format === 'json' ? undefined : compileTemplate(format);
    const response = await context.client.request({
      method: 'GET',
      path: '/events',
      query: { since: when(flags.since), until: when(flags.until), filters: encodeFilters(flags.filter) },
    });
    for await (const line of jsonLines(response.body)) {
      if (format === 'json') context.print(line.trim());
      else if (template) context.print(template.execute(parseJson(line)));
      else context.print(eventLine(parseJson(line)));
    }
    return 0;
  },
});

function when(text: string): string | undefined {
  return text === '' ? undefined : formatUnixTimestamp(resolveTimestamp(text));
}

function eventLine(event: EventMessage & { readonly timeNano: number | bigint }): string {
  const attributes = Object.entries(event.Actor.Attributes ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .toSorted();
  const time = rfc3339(event.timeNano ? BigInt(event.timeNano) : BigInt(event.time) * 1_000_000_000n);
  const about = attributes.length === 0 ? '' : ` (${attributes.join(', ')})`;
  return `${time} ${event.Type} ${event.Action} ${event.Actor.ID}${about}`;
}
