/** The graph of a build as BuildKit's provenance has it: a list of operations (solver/pb of moby/buildkit, in JSON). */
import { isDigest } from '#oci/digest.ts';
import { canonicalName, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { Platform } from '#oci/platform.ts';
import type { CopyVertex, ExecVertex, FileSource, LocalFiles, Vertex } from '../build.ts';
import type { ExecMount, SecretMount, SshMount } from '../exec-mount.ts';
import type { Plan } from '../plan.ts';
import type { HostConfig } from '#wire/container.ts';
import { layoutOfName } from '../layout-image.ts';
import { inputsOf } from '../vertex-inputs.ts';
import { materialOf, plannedOrigin, type UsedImage, withoutCredentials } from './materials.ts';
import { DEFAULT_SHM_BYTES } from './request-parameters.ts';

export interface BuildStep {
  readonly id: string;
  readonly op: { readonly Op: object | null; readonly platform?: object; readonly constraints?: object };
  /** `step0:0` */
  readonly inputs?: readonly string[];
}

export interface BuildDefinition {
  /** What others stand on comes first; the last is the result. */
  readonly steps: readonly BuildStep[];
  /** The lines of the Dockerfile that they come from, by their ids. */
  readonly locations: Readonly<Record<string, object>>;
}

export interface DefinitionFacts {
  readonly plan: Plan;
  readonly platform: Platform;
  readonly images: readonly UsedImage[];
}

export function buildDefinition(facts: DefinitionFacts): BuildDefinition {
  const writer = new DefinitionWriter(facts);
  const last = writer.add(facts.plan.result.vertex);
  const steps = [...writer.steps];
  const inputs = last === undefined ? [] : [output(last)];
  steps.push({ id: `step${steps.length}`, op: { Op: null }, ...(inputs.length > 0 && { inputs }) });
  return { steps, locations: writer.locations() };
}

const output = (id: string) => `${id}:0`;
/** Of what nobody else has made: BuildKit's word for nothing. */
const NONE = -1;
/** BuildKit's for: as it is. */
const KEPT = -1;
const EXECUTABLE = 0o755;
const NETWORKS: Readonly<Record<string, number>> = { host: 1, none: 2 };
const MOUNT_TYPES: Readonly<Record<ExecMount['kind'], number>> = {
  bind: 0,
  state: 0,
  script: 0,
  secret: 1,
  ssh: 2,
  cache: 3,
  tmpfs: 4,
};

class DefinitionWriter {
  readonly steps: BuildStep[] = [];
  readonly #facts: DefinitionFacts;
  readonly #ids = new Map<FileSource, string | undefined>();
  /** Stages that begin with the same image begin with one operation. */
  readonly #images = new Map<UsedImage, string>();

  constructor(facts: DefinitionFacts) {
    this.#facts = facts;
  }

  /** Undefined for what is nothing. */
  add(source: FileSource): string | undefined {
    if (!this.#ids.has(source)) this.#ids.set(source, this.#write(source));
    return this.#ids.get(source);
  }

  locations(): Readonly<Record<string, object>> {
    const { steps } = this.#facts.plan;
    const known = steps.flatMap(({ vertex, image, range: { start, end } }) => {
      const id = this.#ids.get(vertex ?? image.vertex);
      const lines = { start: { line: start.line }, end: { line: end.line } };
      return id === undefined ? [] : [[id, { locations: [{ ranges: [lines] }] }] as const];
    });
    const all = this.steps.map(({ id }) => [id, {}] as const);
    return Object.fromEntries([...all, ...known.toReversed()]);
  }

  #write(source: FileSource): string | undefined {
    switch (source.kind) {
      case 'local':
        return this.#source(this.#localName(source));
      case 'http':
        return this.#source(materialOf(plannedOrigin(source)).uri);
      case 'git':
        return this.#repository(materialOf(plannedOrigin(source)).uri);
      case 'base':
        return this.#image(source);
      case 'copy':
        return this.#copy(source);
      case 'exec':
        return this.#exec(source);
      default:
        return this.#other(source);
    }
  }

  #push(Op: object, inputs: readonly (string | undefined)[] = [], withPlatform = false): string {
    const id = `step${this.steps.length}`;
    const { os: OS, architecture: Architecture, variant } = this.#facts.platform;
    const platform = { Architecture, OS, ...(variant !== undefined && { Variant: variant }) };
    const from = inputs.flatMap((input) => (input === undefined ? [] : [output(input)]));
    this.steps.push({
      id,
      op: { Op, ...(withPlatform && { platform }), constraints: {} },
      ...(from.length > 0 && { inputs: from }),
    });
    return id;
  }

  #source(identifier: string, attrs?: Readonly<Record<string, string>>, withPlatform = false): string {
    return this.#push({ source: { identifier, ...(attrs && { attrs }) } }, [], withPlatform);
  }

  /** Files that a Dockerfile holds itself have no name. */
  #localName(files: LocalFiles): string {
    if (files.origin) return materialOf(files.origin).uri;
    return `local://${this.#facts.plan.contexts.get(files) ?? ''}`;
  }

  #repository(url: string): string {
    return this.#source(`git://${url.replace(/^[a-z]+:\/\//, '')}`, {
      'git.fullurl': withoutCredentials(url),
    });
  }

  #image({ layers }: Extract<Vertex, { readonly kind: 'base' }>): string | undefined {
    if (layers.length === 0) return undefined;
    const used = this.#facts.images.find(({ record }) => record.layers === layers);
    if (!used) return this.#source('docker-image://', undefined, true);
    const id = this.#images.get(used) ?? this.#source(imageIdentifier(used), undefined, true);
    this.#images.set(used, id);
    return id;
  }

  #copy(vertex: CopyVertex): string {
    const inputs = new Inputs(this.add(vertex.isLinked ? NOTHING : vertex.parent));
    const copies = vertex.files.flatMap((files) => {
      const secondaryInput = inputs.number(this.add(files.source));
      return files.paths.map((src) => ({ secondaryInput, Action: copyAction(vertex, files, src) }));
    });
    const made = { secondaryInput: NONE, Action: { mkdir: makeDirectory(vertex) } };
    const actions = copies.length > 0 ? copies : [made];
    const numbered = actions.map(({ secondaryInput, Action }, index) => ({
      input: index === 0 ? inputs.parent : inputs.all.length + index - 1,
      secondaryInput,
      output: index === actions.length - 1 ? 0 : NONE,
      Action,
    }));
    return this.#push({ file: { actions: numbered } }, inputs.all);
  }

  #exec(vertex: ExecVertex): string {
    const inputs = new Inputs(this.add(vertex.parent));
    const { argv, env, workingDirectory, user, hostConfig } = vertex;
    const mounts = sortedMounts(vertex.mounts).map((mount) => ({
      ...(mount.kind === 'bind' || mount.kind === 'state'
        ? { input: inputs.number(this.add(mount.source)), output: NONE }
        : {}),
      ...mountFields(mount),
    }));
    const network = NETWORKS[hostConfig.NetworkMode];
    const meta = {
      args: argv,
      env,
      cwd: workingDirectory,
      ...(user !== '' && { user }),
      ...limitFields(hostConfig),
    };
    const exec = {
      meta,
      mounts: [{ input: inputs.parent, dest: '/', output: 0 }, ...sharedMemory(hostConfig), ...mounts],
      ...(network !== undefined && { network }),
      ...(hostConfig.Privileged && { security: 1 }),
    };
    return this.#push({ exec }, inputs.all, true);
  }

  /** Those that only clients with graphs of their own make. */
  #other(vertex: Exclude<Vertex, CopyVertex | ExecVertex | { readonly kind: 'base' }>): string {
    return this.#push(
      { [vertex.kind]: {} },
      inputsOf(vertex).map((input) => this.add(input)),
    );
  }
}

function imageIdentifier({ name, digests: [known], record }: UsedImage): string {
  if (layoutOfName(name) || isDigest(name)) return `docker-image://${record.id}`;
  const { tag, ...reference } = withDefaultTag(parseReference(name));
  const tagged = `${canonicalName(reference)}${tag === undefined ? '' : `:${tag}`}`;
  return `docker-image://${tagged}@${known?.split('@')[1] ?? record.id}`;
}

const NOTHING: Vertex = { kind: 'base', layers: [] };

/** The inputs of an operation, by the numbers that it has for them. */
class Inputs {
  readonly all: string[] = [];
  readonly parent: number;

  constructor(parent: string | undefined) {
    this.parent = this.number(parent);
  }

  number(id: string | undefined): number {
    if (id === undefined) return NONE;
    if (!this.all.includes(id)) this.all.push(id);
    return this.all.indexOf(id);
  }
}

function copyAction(
  { destination: dest, owner, mode }: CopyVertex,
  { exclude = [], unpack = false }: CopyVertex['files'][number],
  src: string,
): object {
  const copy = {
    src: src.startsWith('/') ? src : `/${src}`,
    dest,
    ...(owner !== undefined && { owner: ownerFields(owner) }),
    ...modeFields(mode),
    followSymlink: true,
    dirCopyContents: true,
    ...(unpack && { attemptUnpackDockerCompatibility: true }),
    createDestPath: true,
    allowWildcard: true,
    allowEmptyWildcard: true,
    timestamp: KEPT,
    ...(exclude.length > 0 && { excludePatterns: exclude }),
  };
  return { copy };
}

function makeDirectory({ destination, owner }: CopyVertex): object {
  return {
    path: destination.replace(/(.)\/$/, '$1'),
    mode: EXECUTABLE,
    makeParents: true,
    timestamp: KEPT,
    ...(owner !== undefined && { owner: ownerFields(owner) }),
  };
}

/** Octal digits, or changes as chmod(1) has them. */
function modeFields(mode: CopyVertex['mode']): object {
  if (mode === undefined || typeof mode === 'number') return { mode: mode ?? KEPT };
  return /^[0-7]+$/.test(mode) ? { mode: Number.parseInt(mode, 8) } : { mode: KEPT, modeStr: mode };
}

/** `user[:group]`; names are looked up in what is copied into. */
function ownerFields(owner: string): object {
  const [user = '', group] = owner.split(':');
  return { user: ownerField(user), ...(group !== undefined && { group: ownerField(group) }) };
}

function ownerField(text: string): object {
  const User = /^\d+$/.test(text) ? { byID: Number(text) } : { byName: { name: text, input: 0 } };
  return { User };
}

function limitFields({ ExtraHosts, Ulimits }: HostConfig): object {
  const extraHosts = (ExtraHosts ?? []).map((text) => {
    const [Host = ''] = text.split(':', 1);
    return { Host, IP: text.slice(Host.length + 1) };
  });
  const ulimit = (Ulimits ?? []).map(({ Name, Soft, Hard }) => ({ Name, Soft, Hard }));
  return { ...(extraHosts.length > 0 && { extraHosts }), ...(ulimit.length > 0 && { ulimit }) };
}

function sharedMemory({ ShmSize: size }: HostConfig): readonly object[] {
  if (size === DEFAULT_SHM_BYTES) return [];
  return [{ input: NONE, dest: '/dev/shm', output: NONE, mountType: 4, TmpfsOpt: { size } }];
}

/** What the client gives comes last. */
function sortedMounts(mounts: readonly ExecMount[] = []): readonly ExecMount[] {
  return mounts.toSorted((a, b) => rankOf(a) - rankOf(b));
}

function rankOf({ kind }: ExecMount): number {
  return ['secret', 'ssh'].indexOf(kind);
}

function mountFields(mount: ExecMount): object {
  const { target: dest = '' } = mount;
  const mountType = MOUNT_TYPES[mount.kind];
  switch (mount.kind) {
    case 'bind':
      return { dest, selector: mount.path, ...(!mount.writable && { readonly: true }) };
    case 'secret':
      return { input: 0, dest, output: 0, mountType, secretOpt: clientFields(mount) };
    case 'ssh':
      return { input: 0, dest, output: 0, mountType, SSHOpt: clientFields(mount) };
    case 'cache':
      return { input: NONE, dest, output: NONE, mountType, cacheOpt: { ID: mount.id } };
    case 'tmpfs': {
      const { sizeBytes: size } = mount;
      return { input: NONE, dest, output: NONE, mountType, TmpfsOpt: size > 0 ? { size } : {} };
    }
    default:
      return { dest };
  }
}

function clientFields({ id, owner, required }: SecretMount | SshMount): object {
  return { ID: id, mode: owner.mode, ...(!required && { optional: true }) };
}
