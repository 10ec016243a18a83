import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHost } from '#client/host.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { DEFAULT_CONTEXT } from '../contexts/context-name.ts';
import {
  contextPaths,
  readContext,
  readTlsMaterial,
  type StoredEndpoint,
  type TlsMaterial,
  writeContext,
} from '../contexts/context-store.ts';
import { DEFAULT_DESCRIPTION, defaultContextHost } from '../contexts/default-context.ts';
import { stringFlag, valueFlag } from '../flag.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Create a context',
  usage: ['[OPTIONS] CONTEXT'],
  description: `--docker takes, between commas:
  host=URL               where the engine listens
  ca=, cert=, key=FILE   the certificates of TLS; they are copied
  skip-tls-verify=BOOL   use TLS and trust any engine
  from=CONTEXT           take the engine of another context`,
  operands: { min: 1, max: 1 },
  examples: [
    'caisson context create far --docker host=tcp://far:2376,ca=ca.pem,cert=cert.pem,key=key.pem',
    'caisson context create same --from far',
  ],
  flags: {
    description: stringFlag('Description of the context'),
    docker: valueFlag('Set the Docker endpoint', parseEndpoint, { type: 'stringToString' }),
    from: stringFlag('Create the context from a named context'),
  },
  run: (context, { flags, operands: [name = ''] }) => {
    checkName(context, name);
    const made = flags.docker === undefined ? copied(context, flags.from) : endpointOf(context, flags.docker);
    const description = flags.description || made.description;
    writeContext(
      context,
      {
        Name: name,
        Metadata: description === '' ? {} : { Description: description },
        Endpoints: { docker: made.endpoint },
      },
      made.tls,
    );
    context.print(name);
    context.say(`Successfully created context "${name}"`);
    return Promise.resolve(0);
  },
});

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;

function checkName(context: Context, name: string): void {
  if (name === DEFAULT_CONTEXT) throw new ExitError(1, '"default" is a reserved context name');
  if (!NAME.test(name)) {
    const rule = 'names are validated against regexp "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$"';
    throw new ExitError(1, `context name "${name}" is invalid, ${rule}`);
  }
  if (existsSync(join(contextPaths(context, name).metadata, 'meta.json'))) {
    throw new ExitError(1, `context "${name}" already exists`);
  }
}

interface Made {
  readonly endpoint: StoredEndpoint;
  readonly tls: TlsMaterial;
  readonly description: string;
}

type EndpointWords = Readonly<Record<string, string>>;

const KEYS = ['host', 'ca', 'cert', 'key', 'skip-tls-verify', 'from'];

function parseEndpoint(text: string): EndpointWords {
  const words: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const [key = '', ...value] = pair.split('=');
    if (value.length === 0) throw new Error(`${pair} must be formatted as key=value`);
    if (!KEYS.includes(key)) throw new Error(`unrecognized config key: ${key}`);
    words[key] = value.join('=');
  }
  return words;
}

/** The engine of another context; without a name, the one that this line would talk to. */
function copied(context: Context, from: string): Made {
  if (from === '' || from === DEFAULT_CONTEXT) {
    const endpoint = { Host: defaultContextHost(context), SkipTLSVerify: false };
    return { endpoint, tls: {}, description: DEFAULT_DESCRIPTION };
  }
  const { Endpoints, Metadata } = readContext(context, from);
  const endpoint = Endpoints['docker'] ?? {};
  return { endpoint, tls: readTlsMaterial(context, from), description: Metadata.Description ?? '' };
}

function endpointOf(context: Context, words: EndpointWords): Made {
  const { from, host } = words;
  if (from !== undefined) return { ...copied(context, from), description: '' };
  if (!host) throw new ExitError(1, 'unable to create docker endpoint config: --docker needs host=URL');
  parseHost(host);
  const skips = words['skip-tls-verify'] ?? 'false';
  if (!/^(true|false|1|0)$/.test(skips)) throw new ExitError(1, `skip-tls-verify: expected true or false`);
  const files = (['ca', 'cert', 'key'] as const).flatMap((file) => {
    const path = words[file];
    return path === undefined ? [] : [[file, readFileSync(path)] as const];
  });
  return {
    endpoint: { Host: host, SkipTLSVerify: skips === 'true' || skips === '1' },
    tls: Object.fromEntries(files),
    description: '',
  };
}
