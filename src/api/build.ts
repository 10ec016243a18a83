/** `POST /build`: the classic builder's wire, and the build cache. */
import { isObject } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import type { BuildEvent, BuildRequest, GraphEvent, StepEvent } from '#build/build.ts';
import { StepFailure } from '#build/step-failure.ts';
import { parseBoolean } from '#base/booleans.ts';
import type { ProgressMessage } from '#wire/image.ts';
import { decodeRegistryConfig } from '#wire/registry-auth.ts';
import { decodeCommandSettings } from './build-commands.ts';
import { dockerErrorText } from './errors/docker-error.ts';
import { inContext } from './errors/in-context.ts';
import type { Exchange } from './exchange.ts';
import { progressMessages } from './image-progress.ts';
import { sendProgress } from './progress.ts';
import { credentialsFromAuth } from './registry-credentials.ts';
import { bodyStream } from './request-body.ts';
import { sendJson, sendNothing } from './respond.ts';
import { post, type Route } from './route.ts';

/** What the API has called the space that stays, the latest first. */
const KEEP_PARAMETERS = ['max-used-space', 'reserved-space', 'keep-storage'];

export const buildRoutes: readonly Route[] = [
  post('/build', build),
  post('/build/prune', async (exchange) => {
    const [keep = '0'] = KEEP_PARAMETERS.map((name) => exchange.text(name)).filter(Boolean);
    const keepBytes = Number(keep);
    const filters = exchange.filters();
    const { deleted, spaceReclaimed } = await inContext('failed to prune build cache', () =>
      exchange.engine.builds.prune({ filters, all: exchange.flag('all'), keepBytes }),
    );
    sendJson(exchange, 200, {
      CachesDeleted: deleted.length === 0 ? null : deleted,
      SpaceReclaimed: spaceReclaimed,
    });
  }),
  // Builds of the classic wire have no id: they end with their connection.
  post('/build/cancel', (exchange) => {
    if (exchange.text('id') === '') throw new EngineError('invalid', 'build ID not provided');
    sendNothing(exchange);
  }),
];

async function build(exchange: Exchange): Promise<void> {
  refuseOthers(exchange);
  const version = exchange.text('version');
  if (version === '2') return await buildWithSession(exchange);
  if (version !== '' && version !== '1')
    throw new EngineError('invalid', `invalid version ${JSON.stringify(version)}`);
  const events = exchange.engine.builds.build(requestOf(exchange));
  const quiet = exchange.flag('q');
  await sendProgress(exchange, withFailure(quiet ? quietLines(events) : verboseLines(events)));
}

/** Progress is BuildKit's; credentials, files and secrets come from the session, if there is one. */
async function buildWithSession(exchange: Exchange): Promise<void> {
  const { engine, signal } = exchange;
  const [server, { traceBuild }, { classicOutputs }] = await Promise.all([
    exchange.context.buildkit(),
    import('./buildkit/build-traces.ts'),
    import('./buildkit/build-exports.ts'),
  ]);
  const outputs = classicOutputs(exchange.text('outputs'));
  const id = exchange.text('session');
  const session = id === '' ? undefined : await server.session(id, signal);
  const request = {
    ...requestOf(exchange),
    ...(exchange.text('remote') === 'client-session' && IN_SESSION),
    ...(outputs && { outputs }),
    ...(hasInlineCache(exchange) && { cacheTo: [{ type: 'inline', attributes: {} }] }),
  };
  await sendProgress(exchange, traceBuild(engine.builds, request, session));
}

/** Command lines of a time before buildx leave it to the daemon to see to this argument. */
function hasInlineCache(exchange: Exchange): boolean {
  return parseBoolean(jsonParameter(exchange, 'buildargs')['BUILDKIT_INLINE_CACHE']);
}

/** Where a client that sends no archive has its directories. */
const IN_SESSION: Pick<BuildRequest, 'context' | 'dockerfileSource'> = {
  context: { kind: 'session', directory: 'context' },
  dockerfileSource: { kind: 'session', directory: 'dockerfile' },
};

function refuseOthers(exchange: Exchange): void {
  const isolation = exchange.text('isolation');
  if (isolation !== '' && isolation !== 'default')
    throw new EngineError('invalid', `unsupported isolation: ${JSON.stringify(isolation)}`);
}

function requestOf(exchange: Exchange): BuildRequest {
  const target = exchange.text('target');
  const platform = exchange.text('platform');
  return {
    context: contextOf(exchange),
    dockerfile: exchange.text('dockerfile') || 'Dockerfile',
    ...(target !== '' && { target }),
    ...(platform !== '' && { platforms: [platform] }),
    buildArgs: jsonParameter(exchange, 'buildargs'),
    labels: textsOf(jsonParameter(exchange, 'labels')),
    references: exchange.query.getAll('t').filter((reference) => reference !== ''),
    noCache: exchange.flag('nocache'),
    squash: exchange.flag('squash'),
    cacheFrom: cacheFromOf(exchange),
    pull: exchange.text('pull') !== '' && parseBoolean(exchange.text('pull')),
    credentials: credentialsOf(exchange),
    commands: commandSettingsOf(exchange),
    signal: exchange.signal,
  };
}

/** What the client sends, or what it wants fetched. */
function contextOf(exchange: Exchange): BuildRequest['context'] {
  const url = exchange.text('remote');
  return url === '' || url === 'client-session'
    ? { kind: 'tar', stream: bodyStream(exchange) }
    : { kind: 'remote', url };
}

/** Images whose layers may be taken, where they say what made them. */
function cacheFromOf(exchange: Exchange): NonNullable<BuildRequest['cacheFrom']> {
  const text = exchange.text('cachefrom');
  const references = text === '' ? [] : (parseJson('cachefrom', text) ?? []);
  if (!Array.isArray(references)) throw new EngineError('invalid', 'Cannot read cachefrom: not a list');
  return references.map((reference: unknown) => ({
    type: 'registry',
    attributes: { ref: String(reference) },
  }));
}

/** A header that cannot be read means anonymous, as in Docker. */
function credentialsOf({ request }: Exchange): BuildRequest['credentials'] {
  const header = request.headers['x-registry-config'];
  try {
    const config = decodeRegistryConfig(typeof header === 'string' ? header : undefined);
    return Object.fromEntries(
      Object.entries(config).map(([host, auth]) => [host, credentialsFromAuth(auth)]),
    );
  } catch {
    return {};
  }
}

function commandSettingsOf(exchange: Exchange): BuildRequest['commands'] {
  const number = (name: string) => Number(exchange.text(name) || 0);
  const extraHosts = exchange.query.getAll('extrahosts').flatMap((text) => text.split(','));
  const ulimits = exchange.text('ulimits');
  return decodeCommandSettings({
    NetworkMode: exchange.text('networkmode') || 'default',
    ShmSize: number('shmsize'),
    Memory: number('memory'),
    MemorySwap: number('memswap'),
    CpuShares: number('cpushares'),
    CpuPeriod: number('cpuperiod'),
    CpuQuota: number('cpuquota'),
    CpusetCpus: exchange.text('cpusetcpus'),
    CpusetMems: exchange.text('cpusetmems'),
    CgroupParent: exchange.text('cgroupparent'),
    ExtraHosts: extraHosts.filter((host) => host !== ''),
    SecurityOpt: exchange.query.getAll('securityopt').filter((option) => option !== ''),
    ...(ulimits !== '' && { Ulimits: parseJson('ulimits', ulimits) ?? [] }),
  });
}

function jsonParameter(exchange: Exchange, name: string): Readonly<Record<string, string | null>> {
  const text = exchange.text(name);
  const value = text === '' ? {} : (parseJson(name, text) ?? {});
  if (!isObject(value)) throw new EngineError('invalid', `Cannot read ${name}: not an object`);
  const entries = Object.entries(value).map(([key, item]: [string, unknown]) => {
    if (item !== null && typeof item !== 'string')
      throw new EngineError('invalid', `Cannot read ${name}: ${key} is not a text`);
    return [key, item] as const;
  });
  return Object.fromEntries(entries);
}

function textsOf(values: Readonly<Record<string, string | null>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value ?? '']));
}

/** Go's clients send `null` for maps and lists that are not set: it is what an absent parameter is. */
function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EngineError('invalid', `Cannot read ${name}: not JSON`, { cause });
  }
}

/** What fails after the first line is told in the stream, with the code of the command where it was one. */
async function* withFailure(lines: AsyncIterable<ProgressMessage>): AsyncGenerator<ProgressMessage, void> {
  try {
    yield* lines;
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    const message = dockerErrorText(error);
    yield { errorDetail: { code: error.exitCode, message }, error: message };
  }
}

/** What is said is kept: where the build fails, it is what explains it. */
async function* quietLines(events: AsyncIterable<BuildEvent>): AsyncGenerator<ProgressMessage, void> {
  const said = new RecentMessages();
  let id: string | undefined;
  async function* watched(): AsyncGenerator<BuildEvent, void> {
    for await (const event of events) {
      if (event.type === 'built') ({ id } = event);
      yield event;
    }
  }
  try {
    for await (const message of verboseLines(watched())) said.push(message);
  } catch (error) {
    yield* said.messages;
    throw error;
  }
  if (id === undefined) return;
  yield { stream: `${id}\n` };
}

const RECENT_CHARACTERS = 1 << 20;

class RecentMessages {
  readonly messages: ProgressMessage[] = [];
  #characters = 0;

  push(message: ProgressMessage): void {
    this.messages.push(message);
    this.#characters += message.stream?.length ?? 0;
    while (this.#characters > RECENT_CHARACTERS)
      this.#characters -= this.messages.shift()?.stream?.length ?? 0;
  }
}

async function* verboseLines(events: AsyncIterable<BuildEvent>): AsyncGenerator<ProgressMessage, void> {
  const decoder = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  let unused: readonly string[] = [];
  for await (const event of events) {
    if (isGraphEvent(event)) continue;
    if (event.type === 'pulling') yield* progressMessages(event.progress);
    else if (event.type === 'unused-arguments') unused = event.names;
    else if (event.type === 'output') {
      const text = decoder[event.stream].decode(event.data, { stream: true });
      yield { stream: event.stream === 'stderr' ? `\u001b[91m${text}\u001b[0m` : text };
    } else {
      if (event.type === 'built' && unused.length > 0)
        yield { stream: `[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n` };
      for (const stream of linesOf(event)) yield stream;
    }
  }
}

function isGraphEvent(event: BuildEvent): event is GraphEvent {
  return event.type === 'warning' || event.type.startsWith('vertex');
}

type PlainEvent = Exclude<StepEvent, { readonly type: 'pulling' | 'output' | 'unused-arguments' }>;

/** Docker's words. */
function linesOf(event: PlainEvent): readonly ProgressMessage[] {
  if (event.type === 'step')
    return [{ stream: `Step ${event.number}/${event.total} : ${event.text}` }, { stream: '\n' }];
  if (event.type === 'stepped') {
    const note = event.cached ? [{ stream: ' ---> Using cache\n' }] : [];
    return [...note, { stream: ` ---> ${shortId(event.id)}\n` }];
  }
  const built =
    event.id === undefined
      ? []
      : [{ aux: { ID: event.id } }, { stream: `Successfully built ${shortId(event.id)}\n` }];
  return [
    ...built,
    ...event.references.map((reference) => ({ stream: `Successfully tagged ${reference}\n` })),
  ];
}
