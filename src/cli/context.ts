import { type Client, createClient } from '#client/client.ts';
import { DEFAULT_HOST, resolveHost, type TlsChoice, tlsFromEnvironment } from '#client/host.ts';
import { readDockerConfig } from './docker-config.ts';
import { createOutput, type Output } from './output.ts';
import { createStyle, type Style } from './style.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The flags before the command. */
export interface GlobalOptions {
  readonly host: string | undefined;
  /** `--context`; empty where it is not given. */
  readonly context: string;
  /** The engine of a context that is not the default one. @throws {EngineError} where there is no such context */
  readonly engine?: () => { readonly host: string; readonly tls: TlsChoice };
  readonly debug: boolean;
  readonly tls: Partial<TlsChoice>;
}

/** What a command works with: where it writes, and the engine it talks to. */
export interface Context {
  /** The program's name, as in messages. */
  readonly program: string;
  readonly environment: Environment;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Colours for standard error, where it is a terminal. */
  readonly style: Style;
  readonly globals: GlobalOptions;
  /** Connects at the first request, starting the engine where that is allowed. */
  readonly client: Client;
  /** One line to standard error. */
  say(line: string): void;
  /** One line to standard output. */
  print(line: string): void;
}

export function createContext(globals: GlobalOptions, environment: Environment): Context {
  const stdout = createOutput(1);
  const stderr = createOutput(2);
  let client: Client | undefined;
  const context: Context = {
    program: 'caisson',
    environment,
    stdout,
    stderr,
    style: createStyle(stderr.isTerminal, environment),
    globals,
    get client() {
      client ??= connect(context);
      return client;
    },
    say: (line) => stderr.write(`${line}\n`),
    print: (line) => stdout.write(`${line}\n`),
  };
  return context;
}

function connect(context: Context): Client {
  const { environment, globals } = context;
  const { host, tls } = globals.engine?.() ?? {
    host: resolveHost(globals.host, environment),
    tls: { ...tlsFromEnvironment(environment), ...globals.tls },
  };
  return createClient({
    host,
    tls,
    apiVersion: environment['DOCKER_API_VERSION'],
    headers: readDockerConfig(context).HttpHeaders ?? {},
    ...(host === DEFAULT_HOST ? { onUnreachable: () => startEngine(context) } : {}),
  });
}

async function startEngine(context: Context): Promise<boolean> {
  const { startEngineOnDemand } = await import('./engine-start.ts');
  return startEngineOnDemand(context);
}
