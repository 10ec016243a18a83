/** Dockerfile instructions that change an image's configuration: `--change` of import and commit. */
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import type { ImageDefaults, ImageHealthcheck } from '#oci/image-defaults.ts';
import { parseDuration } from '#base/durations.ts';
import { type Environment, expandWord, parsePairs, splitWords } from './instruction-words.ts';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The configuration while instructions are applied to it. */
interface Draft {
  readonly config: Writable<ImageDefaults>;
  /** ENTRYPOINT takes back a CMD that was not among the instructions. */
  isCmdSet: boolean;
}

type Instruction = (draft: Draft, text: string, environment: Environment) => void;

const DEFAULT_SHELL: readonly string[] = ['/bin/sh', '-c'];

const INSTRUCTIONS: Readonly<Record<string, Instruction>> = {
  CMD: (draft, text) => {
    draft.config.Cmd = commandOf(draft, text);
    draft.isCmdSet = true;
  },
  ENTRYPOINT: (draft, text) => {
    draft.config.Entrypoint = commandOf(draft, text);
    if (!draft.isCmdSet) delete draft.config.Cmd;
  },
  ENV: ({ config }, text, environment) => {
    const values = new Map([...environment, ...parsePairs('ENV', text, environment)]);
    config.Env = [...values].map(([name, value]) => `${name}=${value}`);
  },
  EXPOSE: ({ config }, text, environment) => {
    const ports = splitWords(text).flatMap((word) => exposedPorts(expandWord(word, environment)));
    config.ExposedPorts = { ...config.ExposedPorts, ...setOf(ports) };
  },
  HEALTHCHECK: ({ config }, text) => {
    config.Healthcheck = healthcheckOf(text);
  },
  LABEL: ({ config }, text, environment) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(parsePairs('LABEL', text, environment)) };
  },
  ONBUILD: ({ config }, text) => {
    config.OnBuild = [...(config.OnBuild ?? []), triggerOf(text)];
  },
  STOPSIGNAL: ({ config }, text, environment) => {
    config.StopSignal = single('STOPSIGNAL', text, environment);
  },
  USER: ({ config }, text, environment) => {
    config.User = single('USER', text, environment);
  },
  VOLUME: ({ config }, text, environment) => {
    const paths = jsonWords(text) ?? splitWords(text).map((word) => expandWord(word, environment));
    if (paths.some((path) => path.trim() === ''))
      throw new EngineError('invalid', 'VOLUME specified can not be an empty string');
    config.Volumes = { ...config.Volumes, ...setOf(paths) };
  },
  WORKDIR: ({ config }, text, environment) => {
    config.WorkingDir = posix.resolve('/', config.WorkingDir ?? '', expandWord(text, environment));
  },
};

/** @throws {EngineError} `invalid` for an instruction that is unknown, malformed or does not change a configuration */
export function applyChanges(config: ImageDefaults, changes: readonly string[]): ImageDefaults {
  const draft: Draft = { config: { ...config }, isCmdSet: false };
  for (const line of changes.flatMap((change) => change.split('\n')))
    if (line.trim() !== '') applyInstruction(draft, line.trim());
  return draft.config;
}

function applyInstruction(draft: Draft, line: string): void {
  const [, name = '', text = ''] = /^(\S+)\s*(.*)$/s.exec(line) ?? [];
  const instruction = INSTRUCTIONS[name.toUpperCase()];
  if (!instruction) throw new EngineError('invalid', `${name} is not a valid change command`);
  if (text === '') throw new EngineError('invalid', `${name.toUpperCase()} requires at least one argument`);
  instruction(draft, text, environmentOf(draft.config));
}

function environmentOf({ Env = [] }: ImageDefaults): Environment {
  return new Map(
    Env.map((entry): [string, string] => {
      const equals = entry.indexOf('=');
      return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

function commandOf({ config }: Draft, text: string): readonly string[] {
  return jsonWords(text) ?? [...(config.Shell ?? DEFAULT_SHELL), text];
}

/** The exec form; what is no JSON array of strings is the shell form. */
function jsonWords(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) && words.every((word) => typeof word === 'string') ? words : undefined;
  } catch {
    return undefined;
  }
}

function single(instruction: string, text: string, environment: Environment): string {
  if (splitWords(text).length !== 1)
    throw new EngineError('invalid', `${instruction} requires exactly one argument`);
  return expandWord(text, environment);
}

function setOf(keys: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

/** `80`, `53/udp`, `8000-8010`. */
function exposedPorts(text: string): readonly string[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? first);
  if (!match || first < 1 || last > 65_535 || last < first)
    throw new EngineError('invalid', `invalid containerPort: ${text}`);
  const protocol = (match[3] ?? 'tcp').toLowerCase();
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

function triggerOf(text: string): string {
  const [name = ''] = text.split(/\s/, 1);
  if (['ONBUILD', 'FROM', 'MAINTAINER'].includes(name.toUpperCase()))
    throw new EngineError('invalid', `${name.toUpperCase()} isn't allowed as an ONBUILD trigger`);
  return text;
}

type DurationField = 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval';

const HEALTH_FLAGS: Readonly<Record<string, DurationField>> = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
};

function healthcheckOf(text: string): ImageHealthcheck {
  const settings: Writable<ImageHealthcheck> = {};
  let rest = text;
  for (let flag = /^--([a-z-]+)=(\S+)\s+/.exec(rest); flag; flag = /^--([a-z-]+)=(\S+)\s+/.exec(rest)) {
    setHealthFlag(settings, flag[1] ?? '', flag[2] ?? '');
    rest = rest.slice(flag[0].length);
  }
  if (/^NONE$/i.test(rest)) return { Test: ['NONE'] };
  const command = /^CMD\s+(\S.*)$/is.exec(rest)?.[1];
  if (!command)
    throw new EngineError('invalid', `Unknown type ${JSON.stringify(rest)} in HEALTHCHECK (try CMD)`);
  const words = jsonWords(command);
  return { ...settings, Test: words ? ['CMD', ...words] : ['CMD-SHELL', command] };
}

function setHealthFlag(settings: Writable<ImageHealthcheck>, name: string, value: string): void {
  const field = HEALTH_FLAGS[name];
  if (field) settings[field] = Number(parseDuration(value));
  else if (name === 'retries' && /^\d+$/.test(value)) settings.Retries = Number(value);
  else throw new EngineError('invalid', `Unknown flag: --${name}=${value}`);
}
