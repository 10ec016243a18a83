import type { VersionInfo } from '#wire/system.ts';
import { CLIENT_API_VERSION } from '#client/client.ts';
import { CAISSON_VERSION } from '../caisson-version.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { contextName } from '../contexts/context-name.ts';
import { fetchText } from '../fetch-text.ts';
import { stringFlag } from '../flag.ts';
import { OBJECT_FORMAT_HELP } from '../format/format-help.ts';
import { showObject } from '../format/inspect-output.ts';
import { parseJson } from '../template/json-text.ts';
import { tellError } from '../report-failure.ts';

export const command = defineCommand({
  summary: 'Show the version information of client and engine',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ["caisson version --format '{{.Server.Version}}'"],
  flags: { format: stringFlag(OBJECT_FORMAT_HELP, { short: 'f' }) },
  run: async (context, { flags }) => {
    let text: string | undefined;
    let problem: unknown;
    try {
      text = await fetchText(context.client, '/version');
    } catch (error) {
      problem = error;
    }
    const client = clientVersion(context);
    const server: VersionInfo | undefined = text === undefined ? undefined : JSON.parse(text);
    if (flags.format !== '') {
      const shown = text === undefined ? null : parseJson(text);
      showObject(context, flags.format, { Client: { ...client }, Server: shown });
    } else context.stdout.write(clientText(client) + (server ? serverText(server) : ''));
    if (server) return 0;
    await tellError(context, problem);
    return 1;
  },
});

interface ClientVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly DefaultAPIVersion: string;
  readonly Runtime: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Context: string;
  readonly Platform: { readonly Name: string };
  readonly GitCommit: string;
  readonly GoVersion: string;
  readonly BuildTime: string;
}

function clientVersion(context: Context): ClientVersion {
  const { bun } = process.versions;
  return {
    Version: CAISSON_VERSION,
    ApiVersion: context.client.apiVersion,
    DefaultAPIVersion: CLIENT_API_VERSION,
    Runtime: bun === undefined ? `Node ${process.versions.node}` : `Bun ${bun}`,
    Os: process.platform,
    Arch: ARCHITECTURES[process.arch] ?? process.arch,
    Context: contextName(context),
    Platform: { Name: 'Caisson' },
    // Nothing here was compiled from Go: formats that show these show nothing.
    GitCommit: '',
    GoVersion: '',
    BuildTime: '',
  };
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

type Pairs = readonly (readonly [name: string, value: string])[];

function clientText(client: ClientVersion): string {
  const negotiated =
    client.ApiVersion === client.DefaultAPIVersion ? '' : ` (downgraded from ${client.DefaultAPIVersion})`;
  return `Client: Caisson\n${lines(' ', 19, [
    ['Version', client.Version],
    ['API version', client.ApiVersion + negotiated],
    ['Runtime', client.Runtime],
    ['OS/Arch', `${client.Os}/${client.Arch}`],
    ['Context', client.Context],
  ])}`;
}

function serverText(server: VersionInfo): string {
  const platform = server.Platform?.Name ? ` ${server.Platform.Name}` : '';
  const components = (server.Components ?? []).map(({ Name, Version, Details }) =>
    Name === 'Engine' ? engineText(Name, Version, Details) : ` ${Name}:\n${detailLines(Version, Details)}`,
  );
  return `\nServer:${platform}\n${components.join('')}`;
}

function engineText(name: string, version: string, details: Readonly<Record<string, string>>): string {
  const shown: Pairs = [
    ['Version', version],
    ['API version', `${details['ApiVersion']} (minimum version ${details['MinAPIVersion']})`],
    ['Go version', details['GoVersion'] ?? ''],
    ['Git commit', details['GitCommit'] ?? ''],
    ['Built', details['BuildTime'] ?? ''],
    ['OS/Arch', `${details['Os']}/${details['Arch']}`],
    ['Experimental', details['Experimental'] ?? ''],
  ];
  return ` ${name}:\n${lines(
    '  ',
    18,
    shown.filter(([key, value]) => value !== '' || key === 'Git commit'),
  )}`;
}

function detailLines(version: string, details: Readonly<Record<string, string>> = {}): string {
  return lines('  ', 18, [['Version', version], ...Object.entries(details ?? {})]);
}

function lines(indent: string, width: number, pairs: Pairs): string {
  return pairs.map(([name, value]) => `${indent}${`${name}:`.padEnd(width)}${value}\n`).join('');
}
