/** The instructions that change an image's configuration and no file. */
import { unreachable } from '#base/unreachable.ts';
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { signalNumber } from '#base/signals.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type {
  CmdInstruction,
  EntrypointInstruction,
  EnvInstruction,
  ExposeInstruction,
  Healthcheck,
  KeyValue,
  LabelInstruction,
  StageInstruction,
  VolumeInstruction,
} from './ast.ts';
import { exposedPorts } from './expose-ports.ts';
import { configCommand } from './run-script.ts';

export type ConfigInstruction = Exclude<
  StageInstruction,
  { readonly kind: 'run' | 'copy' | 'add' | 'workdir' | 'arg' | 'maintainer' }
>;

export interface ConfigChange {
  readonly config: ImageDefaults;
  /** The line of the history, in BuildKit's form. */
  readonly createdBy: string;
}

/**
 * @param instruction with its variables expanded
 * @param isCommandSet by this stage: ENTRYPOINT takes back an inherited CMD
 * @throws {EngineError} `invalid` for ports, volumes and signals that are none
 */
export function changeConfig(
  config: ImageDefaults,
  instruction: ConfigInstruction,
  isCommandSet: boolean,
): ConfigChange {
  switch (instruction.kind) {
    case 'cmd':
      return changeCommand(config, instruction);
    case 'entrypoint':
      return changeEntrypoint(config, instruction, isCommandSet);
    case 'env':
      return addVariables(config, instruction);
    case 'label':
      return addLabels(config, instruction);
    case 'expose':
      return addPorts(config, instruction);
    case 'volume':
      return addVolumes(config, instruction);
    case 'user':
      return { config: withField(config, 'User', instruction.user), createdBy: `USER ${instruction.user}` };
    case 'onbuild': {
      const OnBuild = [...(config.OnBuild ?? []), instruction.expression];
      return { config: { ...config, OnBuild }, createdBy: `ONBUILD ${instruction.expression}` };
    }
    case 'stopsignal': {
      const { signal: StopSignal } = instruction;
      signalNumber(StopSignal);
      return { config: { ...config, StopSignal }, createdBy: `STOPSIGNAL ${StopSignal}` };
    }
    case 'healthcheck': {
      const { original: createdBy } = instruction;
      return { config: { ...config, Healthcheck: healthcheckOf(instruction.healthcheck) }, createdBy };
    }
    case 'shell': {
      const { argv: Shell } = instruction;
      return { config: { ...config, Shell }, createdBy: `SHELL [${Shell.join(' ')}]` };
    }
    default:
      return unreachable(instruction);
  }
}

/** Empty: the default. */
export function shellOf({ Shell = [] }: ImageDefaults): readonly string[] {
  return Shell;
}

/** Names and values. */
export function environmentOf({ Env = [] }: ImageDefaults): readonly (readonly [string, string])[] {
  return Env.map((entry) => {
    const [name = ''] = entry.split('=', 1);
    return [name, entry.slice(name.length + 1)];
  });
}

/** Absolute; what a relative `path` means there. */
export function workingDirectoryOf({ WorkingDir }: ImageDefaults, path = '.'): string {
  return posix.resolve('/', WorkingDir ?? '/', path);
}

function changeCommand(config: ImageDefaults, { command }: CmdInstruction): ConfigChange {
  const Cmd = configCommand(command, shellOf(config));
  const changed = withField({ ...config, ArgsEscaped: true }, 'Cmd', Cmd);
  return { config: changed, createdBy: `CMD ${quoted(Cmd)}` };
}

function changeEntrypoint(
  config: ImageDefaults,
  { command }: EntrypointInstruction,
  isCommandSet: boolean,
): ConfigChange {
  const Entrypoint = configCommand(command, shellOf(config));
  const { Cmd, ...rest } = config;
  const kept = isCommandSet && Cmd ? { ...rest, Cmd } : rest;
  return { config: withField(kept, 'Entrypoint', Entrypoint), createdBy: `ENTRYPOINT ${quoted(Entrypoint)}` };
}

function addVariables(config: ImageDefaults, { variables }: EnvInstruction): ConfigChange {
  const all = new Map((config.Env ?? []).map((entry) => [entry.split('=', 1)[0] ?? '', entry]));
  for (const { key, value } of variables) all.set(key, `${key}=${value}`);
  return { config: { ...config, Env: [...all.values()] }, createdBy: `ENV ${pairsText(variables)}` };
}

function addLabels(config: ImageDefaults, { labels }: LabelInstruction): ConfigChange {
  const own = Object.fromEntries(labels.map(({ key, value }) => [key, value]));
  return {
    config: { ...config, Labels: { ...config.Labels, ...own } },
    createdBy: `LABEL ${pairsText(labels)}`,
  };
}

function addPorts(config: ImageDefaults, { ports: texts }: ExposeInstruction): ConfigChange {
  const ports = exposedPorts(texts);
  const all = { ...config.ExposedPorts, ...setOf(ports) };
  return { config: withField(config, 'ExposedPorts', all), createdBy: `EXPOSE [${ports.join(' ')}]` };
}

function addVolumes(config: ImageDefaults, { paths }: VolumeInstruction): ConfigChange {
  if (paths.includes('')) throw new EngineError('invalid', 'VOLUME specified can not be an empty string');
  const Volumes = { ...config.Volumes, ...setOf(paths) };
  return { config: { ...config, Volumes }, createdBy: `VOLUME [${paths.join(' ')}]` };
}

/** An empty field is left out, as in Docker's images. */
function withField<K extends keyof ImageDefaults>(
  config: ImageDefaults,
  key: K,
  value: NonNullable<ImageDefaults[K]>,
): ImageDefaults {
  if (Object.keys(value).length > 0) return { ...config, [key]: value };
  const { [key]: _, ...rest } = config;
  return rest;
}

/** Go's %q of a slice. */
function quoted(words: readonly string[]): string {
  return `[${words.map((word) => JSON.stringify(word)).join(' ')}]`;
}

function pairsText(pairs: readonly KeyValue[]): string {
  return pairs.map(({ key, value }) => `${key}=${value}`).join(' ');
}

/** Go's `map[string]struct{}`. */
function setOf(keys: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

function healthcheckOf(check: Healthcheck): NonNullable<ImageDefaults['Healthcheck']> {
  const { test, intervalNs, timeoutNs, startPeriodNs, startIntervalNs, retries } = check;
  return {
    Test: test,
    ...(intervalNs === undefined ? {} : { Interval: intervalNs }),
    ...(timeoutNs === undefined ? {} : { Timeout: timeoutNs }),
    ...(startPeriodNs === undefined ? {} : { StartPeriod: startPeriodNs }),
    ...(startIntervalNs === undefined ? {} : { StartInterval: startIntervalNs }),
    ...(retries === undefined ? {} : { Retries: retries }),
  };
}
