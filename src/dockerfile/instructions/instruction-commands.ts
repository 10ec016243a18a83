/** The instructions that hold a command line: RUN, CMD, ENTRYPOINT, SHELL, HEALTHCHECK. */
import { tryParseDuration } from '#base/durations.ts';
import type {
  CmdInstruction,
  CommandLine,
  EntrypointInstruction,
  Healthcheck,
  HealthcheckInstruction,
  RunInstruction,
  ShellInstruction,
  Statement,
} from '../ast.ts';
import { invalid } from '../dockerfile-error.ts';
import { Flags } from './flags.ts';
import { argTexts, atLeastOne, baseOf } from './instruction-base.ts';
import { mountSource } from './mount-options.ts';

const NETWORKS = ['default', 'none', 'host'] as const;
const SECURITIES = ['sandbox', 'insecure'] as const;
const CHECK_FLAGS = {
  interval: 'text',
  timeout: 'text',
  'start-period': 'text',
  'start-interval': 'text',
  retries: 'text',
} as const;

export function parseRun(statement: Statement): RunInstruction {
  const flags = new Flags(statement.flags, { mount: 'list', network: 'text', security: 'text' });
  const networkName = flags.text('network') ?? 'default';
  const network = NETWORKS.find((known) => known === networkName);
  if (network === undefined) throw invalid(`invalid network mode ${JSON.stringify(networkName)}`);
  const securityName = flags.text('security') ?? 'sandbox';
  const security = SECURITIES.find((known) => known === securityName);
  if (security === undefined) throw invalid(`security ${JSON.stringify(securityName)} is not valid`);
  const mounts = flags.list('mount');
  for (const mount of mounts) mountSource(mount);
  const command = commandLine(statement);
  if (command.form === 'exec' && command.argv.length === 0)
    throw invalid('RUN requires at least one argument');
  return { ...baseOf(statement), kind: 'run', command, mounts, network, security };
}

export function parseCmd(statement: Statement): CmdInstruction {
  checkNoFlags(statement);
  return { ...baseOf(statement), kind: 'cmd', command: commandLine(statement) };
}

export function parseEntrypoint(statement: Statement): EntrypointInstruction {
  checkNoFlags(statement);
  return { ...baseOf(statement), kind: 'entrypoint', command: commandLine(statement) };
}

export function parseShell(statement: Statement): ShellInstruction {
  checkNoFlags(statement);
  const argv = atLeastOne('SHELL', argTexts(statement));
  if (statement.form !== 'json') throw invalid('SHELL requires the arguments to be in JSON form');
  return { ...baseOf(statement), kind: 'shell', argv };
}

/** @throws {EngineError} `invalid` */
export function checkNoFlags(statement: Statement): void {
  if (statement.flags.length > 0) new Flags(statement.flags).list('');
}

function commandLine(statement: Statement): CommandLine {
  const args = argTexts(statement);
  if (statement.form === 'json') return { form: 'exec', argv: args };
  return { form: 'shell', text: args.join(' '), heredocs: statement.heredocs };
}

export function parseHealthcheck(statement: Statement): HealthcheckInstruction {
  const [given, ...args] = atLeastOne('HEALTHCHECK', argTexts(statement));
  const type = given.toUpperCase();
  if (type === 'NONE') {
    if (args.length > 0) throw invalid('HEALTHCHECK NONE takes no arguments');
    return { ...baseOf(statement), kind: 'healthcheck', healthcheck: { test: ['NONE'] } };
  }
  const flags = new Flags(statement.flags, CHECK_FLAGS);
  if (type !== 'CMD') throw invalid(`Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`);
  if (args.length === 0) throw invalid('Missing command after HEALTHCHECK CMD');
  const test = statement.form === 'json' ? ['CMD', ...args] : ['CMD-SHELL', args.join(' ')];
  return { ...baseOf(statement), kind: 'healthcheck', healthcheck: { test, ...checkOptions(flags) } };
}

function checkOptions(flags: Flags): Omit<Healthcheck, 'test'> {
  const intervalNs = interval(flags, 'interval');
  const timeoutNs = interval(flags, 'timeout');
  const startPeriodNs = interval(flags, 'start-period');
  const startIntervalNs = interval(flags, 'start-interval');
  const retries = retryCount(flags.text('retries') ?? '');
  return {
    ...(intervalNs === undefined ? {} : { intervalNs }),
    ...(timeoutNs === undefined ? {} : { timeoutNs }),
    ...(startPeriodNs === undefined ? {} : { startPeriodNs }),
    ...(startIntervalNs === undefined ? {} : { startIntervalNs }),
    ...(retries === undefined ? {} : { retries }),
  };
}

/** Zero means the default, as if it were not given. */
function interval(flags: Flags, name: string): number | undefined {
  const text = flags.text(name) ?? '';
  if (text === '') return undefined;
  const duration = tryParseDuration(text);
  if (duration === undefined) throw invalid(`time: invalid duration ${JSON.stringify(text)}`);
  if (duration === 0n) return undefined;
  if (duration < 1_000_000n) throw invalid(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  return Number(duration);
}

function retryCount(text: string): number | undefined {
  if (text === '') return undefined;
  const count = /^[+-]?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(count) <= 0x7fff_ffff))
    throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (count < 0) throw invalid(`--retries cannot be negative (${count})`);
  return count === 0 ? undefined : count;
}
