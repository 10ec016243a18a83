import { defineCommand, MANY } from '../command.ts';
import type { Context } from '../context.ts';
import { contextName, DEFAULT_CONTEXT } from '../contexts/context-name.ts';
import { contextPaths, readContext, tlsNames } from '../contexts/context-store.ts';
import { defaultContextHost } from '../contexts/default-context.ts';
import { stringFlag } from '../flag.ts';
import { OBJECT_FORMAT_HELP } from '../format/format-help.ts';
import { escapeHtml } from '../template/json-text.ts';
import { inspectObjects } from '../format/inspect-output.ts';

export const command = defineCommand({
  summary: 'Display detailed information on one or more contexts',
  usage: ['[OPTIONS] [CONTEXT] [CONTEXT...]'],
  operands: { min: 0, max: MANY, kind: 'context' },
  examples: ["caisson context inspect -f '{{.Endpoints.docker.Host}}' far"],
  flags: { format: stringFlag(OBJECT_FORMAT_HELP, { short: 'f' }) },
  run: (context, { flags, operands }) => {
    const names = operands.length === 0 ? [contextName(context)] : operands;
    // A context that is missing is an error of whoever awaits this.
    const describe = async (name: string): Promise<string> =>
      Promise.resolve(escapeHtml(JSON.stringify(description(context, name))));
    return inspectObjects(context, names, flags.format, describe);
  },
});

const IN_MEMORY = '<IN MEMORY>';

function description(context: Context, name: string): object {
  if (name === DEFAULT_CONTEXT) {
    return {
      Name: name,
      Metadata: {},
      Endpoints: { docker: { Host: defaultContextHost(context), SkipTLSVerify: false } },
      TLSMaterial: {},
      Storage: { MetadataPath: IN_MEMORY, TLSPath: IN_MEMORY },
    };
  }
  const { Metadata, Endpoints } = readContext(context, name);
  const { metadata, tls } = contextPaths(context, name);
  return {
    Name: name,
    Metadata,
    Endpoints,
    TLSMaterial: tlsNames(context, name),
    Storage: { MetadataPath: metadata, TLSPath: tls },
  };
}
