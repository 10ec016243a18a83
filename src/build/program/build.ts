/** Builds a state: `await build(engine, state, { tag: 'app' })`. */
import { EngineError } from '#base/errors.ts';
import type { NetworkMode } from '#container/container-spec.ts';
import type { Digest } from '#oci/digest.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';
import { type AgentSource, agentSource } from '#base/ssh-agent/agent-source.ts';
import type { BuildEvent, BuildOutput, BuildRequest, Builds, CacheSource } from '../build.ts';
import { cacheDirectoryName } from '../cache-transfer/local-cache.ts';
import { DEFAULT_NETWORK, defaultCommandSettings } from '../definition/command-settings.ts';
import { dockerfileOf } from './dockerfile-text.ts';
import { ProgramSession } from './program-session.ts';
import type { State } from './state.ts';

/** Where a result goes; see `BuildOutput`. */
export interface Output {
  readonly type: BuildOutput['type'];
  /** A file or, of `local`, a directory of this machine. */
  readonly destination?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface BuildOptions {
  /** `repository[:tag]`; several name the same image. */
  readonly tag?: string | readonly string[];
  /** What happens, as it happens. What it throws ends the build. */
  readonly onEvent?: (event: BuildEvent) => void;
  /** Default: into the engine's images. */
  readonly outputs?: readonly Output[];
  /** `OS/ARCHITECTURE[/VARIANT]`; several make an index. */
  readonly platforms?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** By id; what commands get through `secret()`. */
  readonly secrets?: Readonly<Record<string, string | Uint8Array>>;
  /** By id, for `ssh()`, whose id is `default` if it has none: an agent's socket, or files of private keys. */
  readonly ssh?: Readonly<Record<string, string | readonly string[]>>;
  /** By registry host. */
  readonly credentials?: Readonly<Record<string, RegistryCredentials>>;
  /** Looks nothing up in the cache. */
  readonly noCache?: boolean;
  /** Asks registries for images even where they are here. */
  readonly pull?: boolean;
  /** `{ type: 'local', attributes: { src: 'DIRECTORY' } }`, `{ type: 'registry', attributes: { ref } }`. */
  readonly cacheFrom?: readonly CacheSource[];
  /** The same with `dest` in place of `src`. */
  readonly cacheTo?: readonly CacheSource[];
  /** Attestations with their attributes: `{ provenance: { mode: 'max' }, sbom: {} }`. */
  readonly attestations?: BuildRequest['attestations'];
  /** Makes nothing younger than this: seconds since 1970. */
  readonly sourceDateEpoch?: number;
  /** The network of commands. Default: `default`. */
  readonly network?: 'default' | 'none' | 'host';
  /** `security.insecure`, `network.host`: what commands may ask for. */
  readonly allow?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface BuildResult {
  /** The image's; absent where none was stored. */
  readonly id?: Digest;
  readonly references: readonly string[];
  /** `containerimage.digest` and such. */
  readonly response: Readonly<Record<string, string>>;
}

/**
 * @param engine an `Engine` of this process
 * @throws {EngineError} as builds do: `invalid` for a command that fails or a file that is not there, …
 */
export async function build(
  engine: { readonly builds: Pick<Builds, 'build'> },
  state: State,
  options: BuildOptions = {},
): Promise<BuildResult> {
  const { text: dockerfile, directories } = dockerfileOf(state);
  const { outputs = [], secrets = {}, credentials = {}, onEvent } = options;
  const { cacheFrom = [], cacheTo = [] } = options;
  using session = new ProgramSession({
    dockerfile,
    directories,
    secrets,
    credentials,
    agents: await agentsOf(options.ssh ?? {}),
    caches: new Map(
      cacheFrom.flatMap(({ attributes: { src } }) => (src ? [[cacheDirectoryName(src), src]] : [])),
    ),
    destinations: [
      ...outputs.map(({ destination }) => destination),
      ...cacheTo.map(({ attributes: { dest } }) => dest),
    ],
  });
  let result: BuildResult | undefined;
  for await (const event of engine.builds.build(requestOf(options, session, [...directories.keys()]))) {
    onEvent?.(event);
    if (event.type !== 'built') continue;
    const { id, references, response } = event;
    result = { ...(id !== undefined && { id }), references, response };
  }
  if (result) return result;
  throw new EngineError('internal', 'Cannot build: the builder has not said what it has built');
}

async function agentsOf(ssh: NonNullable<BuildOptions['ssh']>): Promise<ReadonlyMap<string, AgentSource>> {
  const agents = new Map<string, AgentSource>();
  for (const [id, paths] of Object.entries(ssh)) agents.set(id, await agentSource([paths].flat()));
  return agents;
}

function requestOf(
  options: BuildOptions,
  session: ProgramSession,
  directories: readonly string[],
): BuildRequest {
  const { tag = [], outputs, platforms, cacheFrom, cacheTo, attestations, allow, sourceDateEpoch } = options;
  const contexts = directories.map((directory) => [directory, { kind: 'session', directory }] as const);
  return {
    context: { kind: 'session', directory: 'context' },
    namedContexts: Object.fromEntries(contexts),
    dockerfile: 'Dockerfile',
    session,
    buildArgs: sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(sourceDateEpoch) },
    labels: options.labels ?? {},
    references: [tag].flat(),
    noCache: options.noCache ?? false,
    pull: options.pull ?? false,
    credentials: options.credentials ?? {},
    commands: defaultCommandSettings(networkOf(options.network)),
    signal: options.signal ?? new AbortController().signal,
    ...(outputs && { outputs: outputs.map(({ type, attributes = {} }) => ({ type, attributes })) }),
    ...(platforms && { platforms }),
    ...(cacheFrom && { cacheFrom }),
    ...(cacheTo && { cacheTo }),
    ...(attestations && { attestations }),
    ...(allow && { entitlements: allow }),
  };
}

function networkOf(network: BuildOptions['network'] = 'default'): NetworkMode {
  return network === 'default' ? DEFAULT_NETWORK : { kind: network };
}
