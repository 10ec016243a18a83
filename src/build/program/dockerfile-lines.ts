/** Operations as lines of a Dockerfile. */
import { unreachable } from '#base/unreachable.ts';
import { EngineError } from '#base/errors.ts';
import { healthcheckFlags } from './healthcheck.ts';
import type { Mount } from './mounts.ts';
import { type FileOrigin, LocalDirectory, RemoteSource } from './origins.ts';
import { commandText, flagValue, listValue, literal, literalList, quoted } from './quoting.ts';
import type { CopyOptions, Operation, RunOptions, State } from './state.ts';

/** What the text calls its sources; asking makes them part of it. */
export interface Names {
  stage(state: State): string;
  directory(source: LocalDirectory): string;
}

export interface LineContext {
  readonly names: Names;
  readonly before: readonly Operation[];
  /** What the stage stands on. */
  readonly start: State;
}

const DEFAULT_SHELL = ['/bin/sh', '-c'];

export function operationLines(operation: Operation, context: LineContext): readonly string[] {
  switch (operation.kind) {
    case 'run':
      return [runLine(operation.command, operation.options, context)];
    case 'copy':
      return [copyLine(operation.options, context.names)];
    case 'env':
    case 'label':
      return pairLines(operation.kind, operation.values);
    case 'workdir':
      return [`WORKDIR ${literal(operation.value)}`];
    case 'user':
      return [`USER ${literal(operation.value)}`];
    case 'stopSignal':
      return [`STOPSIGNAL ${literal(operation.value)}`];
    case 'cmd':
      return [`CMD ${commandText(operation.command, shellOf(context)).text}`];
    case 'entrypoint':
      return entrypointLines(operation.command, context);
    case 'expose':
      return [`EXPOSE ${operation.values.map(literal).join(' ')}`];
    case 'volume':
      return [`VOLUME ${literalList(operation.values)}`];
    case 'shell':
      return [`SHELL ${JSON.stringify(operation.values)}`];
    case 'healthcheck':
      return [healthcheckLine(operation, context)];
    default:
      return unreachable(operation);
  }
}

function healthcheckLine(
  { command, options }: Extract<Operation, { readonly kind: 'healthcheck' }>,
  context: LineContext,
): string {
  if (command.length === 0) return 'HEALTHCHECK NONE';
  const flags = healthcheckFlags(options).map((flag) => `${flag} `);
  return `HEALTHCHECK ${flags.join('')}CMD ${commandText(command, shellOf(context)).text}`;
}

/** The command of a former stage is taken back by ENTRYPOINT; that of the same one is not: here it never is. */
function entrypointLines(command: string | readonly string[], context: LineContext): readonly string[] {
  const line = `ENTRYPOINT ${commandText(command, shellOf(context)).text}`;
  const inherited = context.before.some(({ kind }) => kind === 'cmd')
    ? undefined
    : operationsOf(context.start).find((operation) => operation.kind === 'cmd');
  if (inherited?.kind !== 'cmd') return [line];
  return [line, `CMD ${commandText(inherited.command, shellOf(context)).text}`];
}

function shellOf({ before, start }: LineContext): readonly string[] {
  const own = before.findLast(({ kind }) => kind === 'shell');
  const shell = own ?? operationsOf(start).find(({ kind }) => kind === 'shell');
  return shell?.kind === 'shell' ? shell.values : DEFAULT_SHELL;
}

/** The latest first. */
function* operationsOf(state: State): Generator<Operation, void> {
  for (let { origin } = state; origin.kind === 'state'; { origin } = origin.parent) yield origin.operation;
}

function runLine(command: string | readonly string[], options: RunOptions, context: LineContext): string {
  const { mounts = [], network, security } = options;
  const flags = [
    ...mounts.map((mount) => `--mount=${mountText(mount, context.names)}`),
    ...(network === undefined ? [] : [`--network=${network}`]),
    ...(security === undefined ? [] : [`--security=${security}`]),
  ];
  return ['RUN', ...flags, commandText(command, shellOf(context)).text].join(' ');
}

type Field = readonly [key: string, value: string | number | undefined];

function mountText(mount: Mount, names: Names): string {
  return fieldsOf(mount, names)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${listValue(String(value))}`]))
    .join(',');
}

function fieldsOf(mount: Mount, names: Names): readonly Field[] {
  const type: Field = ['type', mount.kind];
  switch (mount.kind) {
    case 'cache': {
      const { target, id, sharing, owner, mode } = mount;
      const ids: readonly Field[] = [
        ['uid', owner?.uid],
        ['gid', owner?.gid],
      ];
      return [type, ['target', target], ['id', id], ['sharing', sharing], ...ids, ['mode', mode]];
    }
    case 'bind': {
      const { target, source, readWrite } = mount;
      const rw: Field = ['rw', readWrite ? 'true' : undefined];
      return [type, ['target', target], ['from', sourceName(mount.from, names)], ['source', source], rw];
    }
    case 'tmpfs':
      return [type, ['target', mount.target], ['size', mount.sizeBytes]];
    case 'secret': {
      const { id, target, env, required, mode } = mount;
      const isRequired: Field = ['required', required ? 'true' : undefined];
      return [type, ['id', id], ['target', target], ['env', env], isRequired, ['mode', mode]];
    }
    case 'ssh':
      return [
        type,
        ['id', mount.id],
        ['target', mount.target],
        ['required', mount.required ? 'true' : undefined],
      ];
    default:
      return unreachable(mount);
  }
}

function copyLine(options: CopyOptions, names: Names): string {
  const { from, to = './', owner, mode, exclude = [], parents, link } = options;
  const flags = [
    ...(owner === undefined ? [] : [`--chown=${flagValue(owner)}`]),
    ...(mode === undefined ? [] : [`--chmod=${flagValue(mode)}`]),
    ...(link ? ['--link'] : []),
    ...exclude.map((pattern) => `--exclude=${flagValue(pattern)}`),
  ];
  if (from instanceof RemoteSource) return addLine(from, options, flags);
  const paths = [options.paths ?? (from instanceof LocalDirectory ? '.' : '/')].flat();
  const all = [`--from=${sourceName(from, names)}`, ...flags, ...(parents ? ['--parents'] : [])];
  return ['COPY', ...all, literalList([...paths, to])].join(' ');
}

function addLine(
  { url, checksum }: RemoteSource,
  { paths, parents, to = './' }: CopyOptions,
  flags: readonly string[],
): string {
  if (paths !== undefined || parents)
    throw new EngineError('invalid', `Cannot copy from ${url}: paths and parents are not for URLs`);
  const verified = checksum === undefined ? [] : [`--checksum=${flagValue(checksum)}`];
  return ['ADD', ...verified, ...flags, literalList([url, to])].join(' ');
}

/** An image needs no stage of its own. */
function sourceName(source: Exclude<FileOrigin, RemoteSource>, names: Names): string {
  if (source instanceof LocalDirectory) return names.directory(source);
  const { origin } = source;
  return origin.kind === 'image' && origin.platform === undefined
    ? flagValue(origin.reference)
    : names.stage(source);
}

function pairLines(kind: 'env' | 'label', values: Readonly<Record<string, string>>): readonly string[] {
  const pairs = Object.entries(values).map(([key, value]) => {
    if (key === '' || /[\s="'$\\]/.test(key))
      throw new EngineError('invalid', `Cannot use ${JSON.stringify(key)} as a name: it has blanks or signs`);
    return `${key}=${quoted(value)}`;
  });
  return pairs.length === 0 ? [] : [`${kind.toUpperCase()} ${pairs.join(' ')}`];
}
