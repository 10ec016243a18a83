/** What `caisson-registry` can be told. */
import { parseArgs } from 'node:util';
import { EngineError, messageOf } from '#base/errors.ts';
import type {
  GarbageOptions,
  ListenAddress,
  RegistryOptions,
  RegistryTls,
} from '#registry-server/registry-server.ts';

export type RegistryInvocation =
  | { readonly kind: 'help' }
  | {
      readonly kind: 'serve';
      readonly options: RegistryOptions;
      readonly debug: boolean;
      readonly mirror?: string;
    }
  | { readonly kind: 'gc'; readonly root: string; readonly options: GarbageOptions }
  | { readonly kind: 'user-add' | 'user-rm'; readonly file: string; readonly name: string };

export const REGISTRY_HELP = `Usage: caisson registry COMMAND

A registry of one's own: serves images to Docker, Podman, Skopeo and Caisson.

  serve         Serve a registry
    --root DIR          Directory of its data (default /var/lib/caisson-registry)
    --listen ADDRESS    [HOST]:PORT to listen on (default 127.0.0.1:5000)
    --htpasswd FILE     Users, with passwords hashed by bcrypt; see "user add"
    --tls-cert FILE     Certificate chain in PEM
    --tls-key FILE      Key of the certificate in PEM
    --tls-self-signed   Make a certificate at the first start, and print where it is
    --tls-name NAME     Host name or address that it is for, beside the machine's own (repeatable)
    --read-only         Refuse pushes and deletions
    --mirror URL        Fetch what is missing from another registry, and keep it; CAISSON_MIRROR_AUTH in the
                        environment (USER:PASSWORD) logs in there
    --max-blob-size N   Bytes that one blob may have (default 64 GiB)
    --debug             Log every request
  gc            Delete blobs that no image needs; safe while the registry serves
    --root DIR
    --delete-untagged   Delete manifests without a tag, too
    --grace SECONDS     Keep what was pushed so recently (default 3600)
    --dry-run           Tell what would be deleted
  user add NAME Add a user or change its password, which is read from standard input
    --htpasswd FILE     Default: htpasswd in the default root
  user rm NAME  Remove a user
`;

const DEFAULT_ROOT = '/var/lib/caisson-registry';
const DEFAULT_LISTEN = '127.0.0.1:5000';

const OPTIONS = {
  root: { type: 'string', default: DEFAULT_ROOT },
  listen: { type: 'string', default: DEFAULT_LISTEN },
  htpasswd: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'tls-self-signed': { type: 'boolean', default: false },
  'tls-name': { type: 'string', multiple: true, default: [] as string[] },
  'read-only': { type: 'boolean', default: false },
  mirror: { type: 'string' },
  'max-blob-size': { type: 'string' },
  debug: { type: 'boolean', default: false },
  'delete-untagged': { type: 'boolean', default: false },
  grace: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** @throws {EngineError} `invalid` */
export function parseInvocation(argv: readonly string[]): RegistryInvocation {
  const { values, positionals } = parse(argv);
  const [command, verb, name, ...rest] = positionals;
  if (values.help || command === undefined) return { kind: 'help' };
  if (command === 'user' && (verb === 'add' || verb === 'rm') && name !== undefined && rest.length === 0)
    return { kind: `user-${verb}`, name, file: values.htpasswd ?? `${values.root}/htpasswd` };
  if (verb !== undefined) throw invalid(`Cannot use ${positionals.join(' ')}: no such command`);
  if (command === 'gc') return { kind: 'gc', root: values.root, options: garbageOptions(values) };
  if (command !== 'serve') throw invalid(`Cannot use ${command}: no such command`);
  const { debug, mirror } = values;
  return { kind: 'serve', options: serveOptions(values), debug, ...(mirror === undefined ? {} : { mirror }) };
}

type Values = ReturnType<typeof parse>['values'];

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (cause) {
    throw new EngineError('invalid', messageOf(cause), { cause });
  }
}

function serveOptions(values: Values): RegistryOptions {
  const tls = tlsOptions(values);
  const { htpasswd, 'max-blob-size': maximum } = values;
  return {
    root: values.root,
    listen: parseListen(values.listen),
    readOnly: values['read-only'],
    ...(tls ? { tls } : {}),
    ...(htpasswd === undefined ? {} : { htpasswd }),
    ...(maximum === undefined ? {} : { limits: { maximumBlobBytes: wholeNumber('max-blob-size', maximum) } }),
  };
}

function tlsOptions(values: Values): RegistryTls | undefined {
  const {
    'tls-cert': certificate,
    'tls-key': key,
    'tls-self-signed': isSelfSigned,
    'tls-name': names,
  } = values;
  if (isSelfSigned) {
    if (certificate !== undefined || key !== undefined)
      throw invalid('Cannot use --tls-self-signed: a certificate is given as well');
    return { kind: 'self-signed', names };
  }
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined)
    throw invalid('Cannot use TLS: --tls-cert and --tls-key belong together');
  return { kind: 'files', certificate, key };
}

/** `:5000`, `127.0.0.1:5000`, `[::1]:5000` */
export function parseListen(text: string): ListenAddress {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) throw invalid(`Cannot listen on ${text}: [HOST]:PORT expected`);
  const host = bracketed ?? plain ?? '';
  return host === '' ? { port } : { host, port };
}

function garbageOptions(values: Values): GarbageOptions {
  const { grace } = values;
  return {
    deleteUntagged: values['delete-untagged'],
    dryRun: values['dry-run'],
    ...(grace === undefined ? {} : { graceMs: wholeNumber('grace', grace) * 1000 }),
  };
}

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw invalid(`Cannot use --${flag}=${text}: a whole number expected`);
  return value;
}

function invalid(message: string): EngineError {
  return new EngineError('invalid', message);
}
