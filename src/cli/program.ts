import { findCommand, type FoundCommand, type FoundGroup } from './catalogue.ts';
import { createContext, type Context, type Environment } from './context.ts';
import { contextName, DEFAULT_CONTEXT } from './contexts/context-name.ts';
import { booleanFlag, type FlagValues, listFlag, stringFlag } from './flag.ts';
import { parseFlags } from './parse-flags.ts';
import { ReaderGone } from './output.ts';

/** The flags before the command. */
export const globalFlags = {
  config: stringFlag('Location of client config files'),
  context: stringFlag('Name of the context to use (overrides DOCKER_CONTEXT and "caisson context use")', {
    short: 'c',
  }),
  debug: booleanFlag('Show what an error came from', { short: 'D' }),
  host: listFlag('Where the engine listens, such as unix:///run/caisson/caisson.sock', { short: 'H' }),
  logLevel: stringFlag('Accepted for compatibility with Docker', { short: 'l', initial: 'info' }),
  tls: booleanFlag('Use TLS; implied by --tlsverify'),
  tlscacert: stringFlag('Trust certificates signed only by this CA'),
  tlscert: stringFlag('Path to the TLS certificate file'),
  tlskey: stringFlag('Path to the TLS key file'),
  tlsverify: booleanFlag('Use TLS and verify the engine'),
  version: booleanFlag('Print version information and quit', { short: 'v' }),
};

/** Killed by SIGPIPE, as a shell sees it. */
const SIGPIPE_EXIT = 141;

/** Runs one command line and resolves to the exit code; everything was told. */
export async function runProgram(words: readonly string[], environment: Environment): Promise<number> {
  let context = createContext(NO_GLOBALS, environment);
  let found: FoundCommand | undefined;
  try {
    const line = parseFlags(globalFlags, words, { interspersed: false });
    const globals = line.values;
    context = await openContext(globals, environment);
    if (globals.version) return await printShortVersion(context);
    const match = findCommand(line.rest);
    if (line.help || match.kind === 'group') return await groupHelp(context, match, line.help);
    if (match.kind === 'unknown') return await unknownCommand(context, match);
    found = match;
    return await runFound(context, match);
  } catch (error) {
    if (error instanceof ReaderGone) return SIGPIPE_EXIT;
    const { reportFailure } = await import('./report-failure.ts');
    return reportFailure(context, found, error);
  }
}

const NO_GLOBALS = { host: undefined, context: '', debug: false, tls: {} };

/** The engine of a named context is looked up when it is first talked to: `context ls` needs none. */
async function openContext(flags: FlagValues<typeof globalFlags>, given: Environment): Promise<Context> {
  const environment = flags.config === '' ? given : { ...given, DOCKER_CONFIG: flags.config };
  const globals = globalOptions(flags);
  const context = createContext(globals, environment);
  const name = contextName(context);
  if (name === DEFAULT_CONTEXT) return context;
  const { engineOf } = await import('./contexts/context-store.ts');
  return createContext({ ...globals, engine: () => engineOf(context, name) }, environment);
}

function globalOptions(flags: FlagValues<typeof globalFlags>): Context['globals'] {
  const enabled = flags.tls || flags.tlsverify;
  const files = { ca: flags.tlscacert, cert: flags.tlscert, key: flags.tlskey };
  const given = Object.fromEntries(Object.entries(files).filter(([, file]) => file !== ''));
  return {
    host: flags.host.at(-1),
    context: flags.context,
    debug: flags.debug,
    tls: enabled ? { enabled, verify: flags.tlsverify, ...given } : {},
  };
}

async function runFound(context: Context, found: FoundCommand): Promise<number> {
  const command = await found.load();
  const { environment } = context;
  const line = parseFlags(command.flags, found.rest, {
    interspersed: command.interspersed ?? true,
    environment,
  });
  if (line.help) {
    const { commandHelp } = await import('./help.ts');
    context.stdout.write(commandHelp(found, command));
    return 0;
  }
  const { min, max } = command.operands;
  if (line.rest.length < min || line.rest.length > max) {
    const { wrongOperands } = await import('./help.ts');
    context.stderr.write(wrongOperands(found, command));
    return 1;
  }
  return command.run(context, { flags: line.values, given: line.given, operands: line.rest });
}

async function groupHelp(
  context: Context,
  match: ReturnType<typeof findCommand>,
  asked: boolean,
): Promise<number> {
  const help = await import('./help.ts');
  if (match.kind === 'command') context.stdout.write(help.commandHelp(match, await match.load()));
  else if (match.kind === 'unknown') return unknownCommand(context, match);
  else {
    // Help that was not asked for is no output.
    const output = asked ? context.stdout : context.stderr;
    output.write(match.path.length === 0 ? await help.programHelp() : await help.groupHelp(match));
  }
  return asked || match.kind === 'group' ? 0 : 1;
}

async function unknownCommand(
  context: Context,
  match: { readonly word: string; readonly group: FoundGroup },
): Promise<number> {
  const { unknownCommandMessage } = await import('./help.ts');
  context.stderr.write(unknownCommandMessage(match.word, match.group));
  return 1;
}

async function printShortVersion(context: Context): Promise<number> {
  const { CAISSON_VERSION } = await import('./caisson-version.ts');
  context.print(`Caisson version ${CAISSON_VERSION}`);
  return 0;
}
