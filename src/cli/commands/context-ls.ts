import { messageOf } from '#base/errors.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { contextName, DEFAULT_CONTEXT } from '../contexts/context-name.ts';
import { readContext, storedContexts } from '../contexts/context-store.ts';
import { DEFAULT_DESCRIPTION, defaultContextHost, warnOfOverride } from '../contexts/default-context.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { type Listing, printRows } from '../format/rows.ts';
import { Row } from '../template/value.ts';

const listing: Listing = {
  headings: {
    Name: 'NAME',
    Description: 'DESCRIPTION',
    DockerEndpoint: 'DOCKER ENDPOINT',
    Current: '',
    Error: 'ERROR',
  },
  columns: [],
};

const TABLE =
  'table {{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{truncate .Error 45}}';

export const command = defineCommand({
  summary: 'List contexts',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson context ls'],
  flags: {
    format: stringFlag(FORMAT_HELP),
    quiet: booleanFlag('Only show context names', { short: 'q' }),
  },
  run: (context, { flags }) => {
    const current = contextName(context);
    const plain = flags.format === '' || flags.format === 'table';
    const format = flags.quiet ? '{{.Name}}' : plain ? TABLE : flags.format;
    printRows(context, listing, rowsOf(context, current), format);
    if (plain && !flags.quiet) warnOfOverride(context);
    return Promise.resolve(0);
  },
});

interface Line {
  readonly name: string;
  readonly description: string;
  readonly host: string;
  readonly error: string;
}

function rowsOf(context: Context, current: string): readonly Row[] {
  const lines: Line[] = storedContexts(context).map(({ Name, Metadata, Endpoints }) => ({
    name: Name,
    description: Metadata.Description ?? '',
    host: Endpoints['docker']?.Host ?? '',
    error: '',
  }));
  const host = defaultContextHost(context);
  lines.push({ name: DEFAULT_CONTEXT, description: DEFAULT_DESCRIPTION, host, error: '' });
  if (!lines.some(({ name }) => name === current)) {
    lines.push({ name: current, description: '', host: '', error: whyUnusable(context, current) });
  }
  return lines
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map(
      ({ name, description, host, error }) =>
        new Row({
          Name: () => name,
          Description: () => description,
          DockerEndpoint: () => host,
          Current: () => name === current,
          Error: () => error,
          ContextType: () => 'moby',
        }),
    );
}

function whyUnusable(context: Context, name: string): string {
  try {
    readContext(context, name);
    return '';
  } catch (error) {
    return messageOf(error);
  }
}
