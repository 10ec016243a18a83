import type { OperandKind } from '../command.ts';

/** What completes the value of a flag: a shell command that lists the values, files, or nothing. */
export type FlagValues = { readonly list: string } | 'files' | 'none';

/** What lists each kind of name that operands and flags take. Images without a name have nothing to be called by. */
export const LISTS: Readonly<Record<Exclude<OperandKind, 'file'>, string>> = {
  container: "caisson ps -a --format '{{.Names}}'",
  'running-container': "caisson ps --format '{{.Names}}'",
  'stopped-container': "caisson ps -a -f status=exited -f status=created --format '{{.Names}}'",
  image: "caisson images --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>'",
  volume: 'caisson volume ls -q',
  network: "caisson network ls --format '{{.Name}}'",
  context: 'caisson context ls -q',
};

const words = (...values: readonly string[]): FlagValues => ({ list: `echo ${values.join(' ')}` });

const VALUES: Readonly<Record<string, FlagValues>> = {
  context: { list: LISTS.context },
  from: { list: LISTS.context },
  network: { list: LISTS.network },
  'volumes-from': { list: LISTS.container },
  link: { list: LISTS['running-container'] },
  target: { list: "sed -En 's/^FROM .+ AS (.+)$/\\1/Ip' Dockerfile" },
  restart: words('no', 'always', 'on-failure', 'unless-stopped'),
  pull: words('always', 'missing', 'never'),
  progress: words('auto', 'plain', 'tty', 'quiet', 'rawjson'),
  type: words('container', 'image', 'network', 'volume', 'plugin'),
  'log-level': words('debug', 'info', 'warn', 'error', 'fatal'),
};

const FILES = new Set([
  'build-context',
  'checkpoint-dir',
  'cidfile',
  'config',
  'env-file',
  'file',
  'htpasswd',
  'iidfile',
  'input',
  'label-file',
  'metadata-file',
  'output',
  'root',
  'secret',
  'tls-cert',
  'tls-key',
  'tlscacert',
  'tlscert',
  'tlskey',
  'volume',
]);

/** @param name without the dashes */
export function valuesOf(name: string): FlagValues {
  return VALUES[name] ?? (FILES.has(name) ? 'files' : 'none');
}
