import { proxyVariables } from '../proxy-variables.ts';
import { writeFileSync } from 'node:fs';
import { tryParseJson } from '#base/json.ts';
import { BuildFailure, buildImage } from '#client/build/build-client.ts';
import type { BuildProviders } from '#client/build/providers.ts';
import type { WireBuildEvent } from '#wire/build-session.ts';
import type { WireBuildRequest } from '#wire/build-request.ts';
import { cacheDestinations, cacheDirectories, parseCache } from '../build/caches.ts';
import { attestations, type WantedOutput, wantedOutputs } from '../build/outputs.ts';
import { checkBuilder } from '../build/builder-flag.ts';
import { buildFlags, type BuildFlags } from '../build/build-flags.ts';
import { type BuildDisplay, createBuildDisplay, PROGRESS_MODES } from '../build/build-display.ts';
import { clientSecret } from '../build/client-secret.ts';
import { type BuildContextOperand, contextOperand, isOverSsh } from '../build/context-operand.ts';
import { namedContexts, type NamedContextFlags } from '../build/named-contexts.ts';
import { DirectorySink, fileSink } from '../build/output-files.ts';
import { Secrets } from '../build/secrets.ts';
import { SshAgents } from '../build/ssh-agents.ts';
import { tellAnswer, tellWarnings } from '../build/warnings.ts';
import { DOCKER_HUB } from '../image-reference.ts';
import { registryHint } from '../failure-hints.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { toMap } from '../container-options/key-values.ts';
import { failureText } from '../report-failure.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Build an image from a Dockerfile',
  usage: ['[OPTIONS] PATH | URL | -'],
  description: `The context is a directory, a tar archive, a git repository or a file at a URL, or comes on standard
input ('-'); a Dockerfile there is built without a context.`,
  operands: { min: 1, max: 1, kind: 'file' },
  examples: [
    'caisson build -t app .',
    'caisson build -f Dockerfile.test --target test .',
    'caisson build --secret id=token,env=TOKEN --ssh default=~/.ssh/id_ed25519 .',
    'caisson build -o out https://github.com/user/repository.git#branch:directory',
  ],
  flags: buildFlags,
  run: async (context, { flags, operands: [path = ''] }) => {
    checkBuilder(context, flags.builder);
    if (context.environment[SOURCE_POLICY]) throw new ExitError(1, NO_POLICY);
    const operand = await contextOperand(path, flags.file, () => clientSecret(context));
    const named = namedContexts(flags.buildContext);
    const outputs = flags.check ? [] : wantedOutputs(flags);
    const isOnStdout = outputs.some(({ destination }) => destination === '-');
    if (isOnStdout && context.stdout.isTerminal) throw new ExitError(1, NO_TERMINAL);
    const request = requestOf(context, flags, { operand, named, outputs });
    using unfinished = new DisposableStack();
    const providers = await providersOf(context, flags, { operand, named, outputs, unfinished });
    using display = await createBuildDisplay(progressMode(flags, context), context.stderr, context.style);
    const built = await follow(context, { display, unfinished }, request, providers);
    const answer = built.response['result.txt'];
    if (request.subrequest !== '' && answer !== undefined)
      return tellAnswer(context, request, built.response);
    const id = built.id ?? imageIdOf(built.response);
    if (flags.iidfile !== '' && id !== undefined) writeFileSync(flags.iidfile, id);
    if (flags.metadataFile !== '') writeFileSync(flags.metadataFile, metadataOf(built));
    if (flags.quiet && id !== undefined && !isOnStdout) context.print(id);
    else if (!flags.quiet && flags.progress !== 'rawjson') tellWarnings(context, display.warnings);
    return 0;
  },
});

const SOURCE_POLICY = 'EXPERIMENTAL_BUILDKIT_SOURCE_POLICY';
const NO_POLICY = `cannot honour the source policy in ${SOURCE_POLICY}: build with docker buildx, or unset it`;
const NO_TERMINAL = 'refusing to write an archive to the terminal: name a file (dest=FILE), or redirect';

type Built = Extract<WireBuildEvent, { readonly type: 'built' }>;

interface Shown {
  readonly display: BuildDisplay;
  /** What an interrupt takes away. */
  readonly unfinished: Disposable;
}

interface Parts {
  readonly operand: BuildContextOperand;
  readonly named: NamedContextFlags;
  readonly outputs: readonly WantedOutput[];
}

/** @throws {ExitError} after what went wrong was shown */
async function follow(
  context: Context,
  { display, unfinished }: Shown,
  request: WireBuildRequest,
  providers: BuildProviders,
): Promise<Built> {
  using _interrupt = onInterrupt(() => {
    display[Symbol.dispose]();
    unfinished[Symbol.dispose]();
    context.say(`\n${context.style.yellow(`${context.program}:`)} the build was canceled`);
  });
  try {
    for await (const { event, data } of buildImage(context.client, request, providers)) {
      display.show(event, data);
      if (event.type !== 'built') continue;
      display.finish();
      return event;
    }
  } catch (error) {
    if (!(error instanceof BuildFailure)) throw error;
    display.finish(error.failure);
    const hint = registryHint(error.message).map((line) => `\n${context.style.dim(line)}`);
    throw new ExitError(
      1,
      `${context.style.red(`${context.program}:`)} ${failureText(error)}${hint.join('')}`,
    );
  }
  throw new ExitError(1, `${context.program}: the build ended without a result`);
}

/** The terminal is left as it was; the engine stops what it does when this process is gone. */
function onInterrupt(restore: () => void): Disposable {
  const listeners = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal, index) => {
    const listener = () => {
      restore();
      process.exit([130, 143, 129][index] ?? 1);
    };
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  });
  return { [Symbol.dispose]: () => listeners.forEach((remove) => remove()) };
}

function progressMode(flags: BuildFlags, { environment }: Context) {
  if (flags.quiet) return 'quiet';
  const wanted = flags.progress === 'auto' ? (environment['BUILDKIT_PROGRESS'] ?? 'auto') : flags.progress;
  const mode = PROGRESS_MODES.find((mode) => mode === wanted);
  if (mode !== undefined) return mode;
  const text = `invalid progress mode ${JSON.stringify(wanted)} in BUILDKIT_PROGRESS`;
  throw new ExitError(1, `${text}: expected one of ${PROGRESS_MODES.join(', ')}`);
}

function requestOf(caller: Context, flags: BuildFlags, { operand, named, outputs }: Parts): WireBuildRequest {
  const { context, dockerfile, hasDockerfile, sharedKey } = operand;
  const args = buildArgs(flags.buildArg, caller.environment);
  return {
    sharedKey,
    context,
    namedContexts: named.values,
    dockerfile,
    hasDockerfile,
    target: flags.target,
    buildArgs: toMap([...args, ...proxyVariables(caller, args)]),
    labels: toMap(flags.label),
    references: flags.tag,
    noCache: flags.noCache,
    noCacheStages: flags.noCacheFilter,
    pull: flags.pull,
    squash: flags.squash,
    platforms: flags.platform.filter((platform) => platform !== ''),
    hostConfig: hostConfigOf(flags),
    entitlements: flags.allow,
    outputs: outputs.map(({ request }) => request),
    cacheFrom: flags.cacheFrom.map(parseCache),
    cacheTo: flags.cacheTo.map(parseCache),
    attestations: attestations(flags),
    subrequest: flags.check || flags.call === 'check' ? 'check' : flags.call === 'build' ? '' : flags.call,
  };
}

function hostConfigOf(flags: BuildFlags): object {
  return {
    NetworkMode: flags.network,
    ...(flags.shmSize !== undefined && { ShmSize: flags.shmSize }),
    ...(flags.memory !== undefined && { Memory: flags.memory }),
    ...(flags.memorySwap !== undefined && { MemorySwap: flags.memorySwap }),
    ...(flags.cgroupParent !== '' && { CgroupParent: flags.cgroupParent }),
    // `host=ip` is the form of newer clients.
    ExtraHosts: flags.addHost.map((text) => text.replace(/^([^:=]+)=/, '$1:')),
    Ulimits: flags.ulimit,
  };
}

async function providersOf(
  context: Context,
  flags: BuildFlags,
  { operand, named, outputs, unfinished }: Parts & { readonly unfinished: DisposableStack },
): Promise<BuildProviders> {
  const secrets = new Secrets(flags.secret, context.environment);
  // A repository that only ssh reaches says by itself that an agent is needed.
  const ssh = flags.ssh.length === 0 && isOverSsh(operand.context) ? ['default'] : flags.ssh;
  const agents = await SshAgents.create(ssh, context.environment);
  const { archive } = operand;
  const places = [...outputs.map(({ destination }) => destination), ...cacheDestinations(flags.cacheTo)];
  const placeOf = (output: number) => places[output] ?? '';
  const caches = cacheDirectories(flags.cacheFrom);
  return {
    directories: new Map([...operand.directories, ...named.directories, ...caches]),
    ...(archive && { archive }),
    secret: (name) => secrets.read(name),
    hasSshAgent: (name) => agents.has(name),
    openSshAgent: (name) => agents.open(name),
    credentials: async (host) => {
      const { credentialsFor } = await import('../registry-credentials.ts');
      return credentialsFor(context, host === DOCKER_HUB_HOST ? DOCKER_HUB : host);
    },
    createFile: (output) => unfinished.use(fileSink(placeOf(output), context.stdout)),
    createTree: (output) => new DirectorySink(placeOf(output)),
  };
}

/** Where Docker Hub is asked. */
const DOCKER_HUB_HOST = 'registry-1.docker.io';

function metadataOf({ response, id }: Built): string {
  const metadata = { ...response, ...(id !== undefined && { 'containerimage.config.digest': id }) };
  const decoded = Object.entries(metadata).map(([name, value]): [string, unknown] => [name, decode(value)]);
  return `${JSON.stringify(Object.fromEntries(decoded), undefined, 2)}\n`;
}

/** What stands for an image that the engine has not stored, as for buildx; of several platforms, their index. */
function imageIdOf(response: Readonly<Record<string, string>>): string | undefined {
  return response['containerimage.config.digest'] ?? response['containerimage.digest'];
}

/** Values that are themselves JSON, as they are or in base64, are shown as what they say. */
function decode(value: string): unknown {
  const text = /^[[{]/.test(value) ? value : Buffer.from(value, 'base64').toString();
  return /^[[{]/.test(text) ? (tryParseJson(text) ?? value) : value;
}

/** A name alone takes its value from this process's environment; where that has none, it does not count. */
function buildArgs(given: readonly string[], environment: Context['environment']): readonly string[] {
  return given.flatMap((text) => {
    if (text.includes('=')) return [text];
    const value = environment[text];
    return value === undefined ? [] : [`${text}=${value}`];
  });
}
