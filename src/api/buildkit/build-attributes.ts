/** A frontend's attributes (`frontend/dockerui` of BuildKit) as a request of ours. */
import { EngineError } from '#base/errors.ts';
import { wishedAttestations } from '#build/attest/wished-attestations.ts';
import type { BuildRequest, ContextSource, NamedContext } from '#build/build.ts';
import type { ImageRecord } from '#image/image-record.ts';
import { isDigest } from '#oci/digest.ts';
import type { SolveRequest } from '#wire/buildkit/control.ts';
import type { PolicyMessage } from '#wire/buildkit/source-policy.ts';

import { decodeCommandSettings } from '../build-commands.ts';
import { listOf, withPrefix } from './attribute-lists.ts';
import { cacheSourcesOf, importsOf, outputsOf } from './build-exports.ts';
import type { ClientSession } from './client-session.ts';
import { sourcePoliciesOf } from './source-policies.ts';
import { StoreSession } from './store-session.ts';

/** What a client says about a build, in all places where it does. */
export interface Wishes {
  readonly attributes: ReadonlyMap<string, string>;
  /** Results of other builds, by the names that attributes have for them. */
  readonly inputs: ReadonlyMap<string, NamedContext>;
  /** What these are. */
  readonly images?: ReadonlyMap<string, ImageRecord>;
  readonly solve: SolveRequest;
  /** OCI layouts of the client's that are read besides, by whatever names. */
  readonly layouts?: Readonly<Record<string, NamedContext>>;
  /** Source policies that hold for this call only, beside those of `solve`. */
  readonly policies?: readonly PolicyMessage[];
  readonly session: ClientSession;
  readonly signal: AbortSignal;
}

/** @throws {EngineError} `invalid` for what cannot be read */
export function buildRequestOf(wishes: Wishes): BuildRequest {
  const { attributes, solve, session, signal, layouts } = wishes;
  const outputs = outputsOf(solve);
  const sourcePolicies = sourcePoliciesOf(solve, wishes.policies);
  const target = attributes.get('target');
  const platforms = listOf(attributes.get('platform'));
  const noCache = attributes.get('no-cache');
  const namedContexts = namedContextsOf(wishes);
  const buildArgs = { ...hostnameOf(attributes), ...withPrefix(attributes, 'build-arg:') };
  const cacheFrom = cacheSourcesOf(importsOf(attributes, solve));
  const cacheTo = cacheSourcesOf(solve.Cache?.Exports ?? []);
  return {
    ...contextOf(wishes),
    ...dockerfileOf(wishes),
    namedContexts,
    session: new StoreSession(session, {
      outputs,
      cacheFrom,
      cacheTo,
      namedContexts: { ...namedContexts, ...layouts },
    }),
    ...(target !== undefined && target !== '' && { target }),
    buildArgs,
    labels: withPrefix(attributes, 'label:'),
    references: outputs.flatMap(({ attributes: { name = '' } }) =>
      name.split(',').filter((text) => text !== ''),
    ),
    noCache: noCache === '',
    ...(noCache !== undefined && noCache !== '' && { noCacheStages: noCache.split(',') }),
    pull: attributes.get('image-resolve-mode') === 'pull',
    ...(platforms.length > 0 && { platforms }),
    credentials: {},
    commands: commandSettingsOf(attributes),
    entitlements: solve.Entitlements,
    outputs,
    cacheFrom,
    cacheTo,
    ...(sourcePolicies.length > 0 && { sourcePolicies }),
    attestations: wishedAttestations(Object.entries(withPrefix(attributes, 'attest:')), buildArgs),
    tell: 'graph',
    signal,
  };
}

/** The name of the machine of commands; the build argument of this name comes before the attribute. */
function hostnameOf(attributes: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const hostname = attributes.get('hostname') ?? '';
  return hostname === '' ? {} : { BUILDKIT_SANDBOX_HOSTNAME: hostname };
}

/** A URL comes before an input, and an input before a directory of the client's, which counts as a whole. */
function contextOf(wishes: Wishes): Pick<BuildRequest, 'context' | 'contextDirectory'> {
  const { attributes, session, signal } = wishes;
  const key = attributes.get('contextkey') ?? 'context';
  const url = attributes.get(key);
  const other = url === undefined ? inputOf(wishes, 'context') : remoteContext(url, session, signal);
  if (!other) return { context: { kind: 'session', directory: key } };
  const contextDirectory = attributes.get('contextsubdir') ?? '';
  return { context: other, ...(contextDirectory !== '' && { contextDirectory }) };
}

/** The Dockerfile of a remote context is in it, unless the client has another. */
function dockerfileOf(wishes: Wishes): Pick<BuildRequest, 'dockerfile' | 'dockerfileSource'> {
  const { attributes } = wishes;
  const dockerfile = attributes.get('filename') || 'Dockerfile';
  const isRemote = attributes.has(attributes.get('contextkey') ?? 'context');
  const directory = attributes.get('dockerfilekey');
  if (isRemote && directory === undefined) return { dockerfile };
  const input = directory === undefined ? inputOf(wishes, 'dockerfile') : undefined;
  return { dockerfile, dockerfileSource: input ?? { kind: 'session', directory: directory ?? 'dockerfile' } };
}

/** The files of an input that the frontend knows by its name. */
function inputOf({ inputs, images }: Wishes, name: string): ContextSource | undefined {
  const input = inputs.get(name);
  const image = input?.kind === 'image' ? images?.get(input.reference) : undefined;
  return image && { kind: 'layers', layers: image.layers };
}

/** What clients read from their standard input they upload under a URL that they have made up. */
const UPLOAD_HOST = 'buildkit-session';

function remoteContext(url: string, session: ClientSession, signal: AbortSignal): ContextSource {
  const parsed = URL.parse(url);
  if (parsed?.host !== UPLOAD_HOST) return { kind: 'remote', url };
  return { kind: 'tar', stream: session.upload(parsed, signal), url };
}

function namedContextsOf(wishes: Wishes): Readonly<Record<string, NamedContext>> {
  const contexts = Object.entries(withPrefix(wishes.attributes, 'context:'));
  return Object.fromEntries(contexts.map(([name, value]) => [name, namedContext(name, value, wishes)]));
}

/** `--build-context NAME=VALUE`; clients turn directories into `local:`, and results of other builds into `input:`. */
function namedContext(name: string, value: string, { inputs, session, signal }: Wishes): NamedContext {
  const [scheme = ''] = value.split(':', 1);
  const rest = value.slice(scheme.length + 1);
  if (scheme === 'local') return { kind: 'session', directory: rest };
  if (scheme === 'docker-image') return { kind: 'image', reference: rest.replace(/^\/\//, '') };
  if (scheme === 'oci-layout') return layoutContext(name, rest.replace(/^\/\//, ''));
  if (scheme !== 'input') return remoteContext(value, session, signal);
  const input = inputs.get(rest);
  if (!input) throw new EngineError('invalid', `Cannot use context ${name}: there is no input ${rest}`);
  return input;
}

function layoutContext(name: string, value: string): NamedContext {
  const [path = '', digest = ''] = value.split('@');
  // The tag has been looked up by the client.
  const [directory = ''] = path.split(':', 1);
  if (isDigest(digest)) return { kind: 'oci-layout', directory, digest };
  throw new EngineError('invalid', `Cannot use context ${name}: ${value} has no digest`);
}

function commandSettingsOf(attributes: ReadonlyMap<string, string>): BuildRequest['commands'] {
  const number = (name: string) => Number(attributes.get(name) || 0);
  const network = attributes.get('force-network-mode') ?? '';
  return decodeCommandSettings({
    NetworkMode: network === '' || network === 'sandbox' ? 'default' : network,
    ShmSize: number('shm-size'),
    Memory: number('memory'),
    MemorySwap: number('memswap'),
    CpuShares: number('cpushares'),
    CpuPeriod: number('cpuperiod'),
    CpuQuota: number('cpuquota'),
    CpusetCpus: attributes.get('cpusetcpus') ?? '',
    CpusetMems: attributes.get('cpusetmems') ?? '',
    CgroupParent: attributes.get('cgroup-parent') ?? '',
    ExtraHosts: listOf(attributes.get('add-hosts')).map((host) => host.replace('=', ':')),
    Ulimits: listOf(attributes.get('ulimit')).map(ulimitOf),
  });
}

/** `nofile=1024:2048` */
function ulimitOf(text: string): { readonly Name: string; readonly Soft: number; readonly Hard: number } {
  const [, Name = '', soft, hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  if (Name === '') throw new EngineError('invalid', `invalid ulimit argument: ${text}`);
  return { Name, Soft: Number(soft), Hard: Number(hard) };
}
