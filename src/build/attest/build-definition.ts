/** The graph of a build as BuildKit's provenance has it: a list of operations (solver/pb of moby/buildkit, in JSON). */
import { unreachable } from '#base/unreachable.ts';
import { isDigest } from '#oci/digest.ts';
import { canonicalName, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { Platform } from '#oci/platform.ts';
import type { CopyVertex, ExecVertex, FileSource, LocalFiles, Vertex } from '../definition/vertex.ts';
import type { Plan } from '../plan/plan.ts';
import { graphSteps } from '../graph/graph-steps.ts';
import { layoutOfName } from '../bases/layout-image.ts';
import { inputsOf } from '../definition/vertex-inputs.ts';
import { materialOf, plannedOrigin, type UsedImage, withoutCredentials } from './materials.ts';
import {
  copyAction,
  limitFields,
  makeDirectory,
  mountFields,
  NONE,
  sharedMemory,
  sortedMounts,
} from './operation-fields.ts';

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
  if (facts.plan.graph) return { steps: graphSteps(facts.plan.graph), locations: {} };
  const writer = new DefinitionWriter(facts);
  const last = writer.add(facts.plan.result.vertex);
  const steps = [...writer.steps];
  const inputs = last === undefined ? [] : [output(last)];
  steps.push({ id: `step${steps.length}`, op: { Op: null }, ...(inputs.length > 0 && { inputs }) });
  return { steps, locations: writer.locations() };
}

const output = (id: string) => `${id}:0`;
const NETWORKS: Readonly<Record<string, number>> = { host: 1, none: 2 };

class DefinitionWriter {
  readonly steps: BuildStep[] = [];
  readonly #facts: DefinitionFacts;
  readonly #ids = new Map<FileSource, string | undefined>();
  /** What linked copies made, before it was laid over anything. */
  readonly #linked = new Map<Vertex, string>();
  /** Stages that begin with the same image begin with one operation. */
  readonly #images = new Map<UsedImage, string>();

  constructor(facts: DefinitionFacts) {
    this.#facts = facts;
  }

  /** @returns undefined for an empty file system */
  add(source: FileSource): string | undefined {
    if (!this.#ids.has(source)) this.#ids.set(source, this.#write(source));
    return this.#ids.get(source);
  }

  locations(): Readonly<Record<string, object>> {
    const { steps } = this.#facts.plan;
    const known = steps.flatMap(({ vertex, image, range: { start, end } }) => {
      const made = vertex ?? image.vertex;
      const ids = [this.#ids.get(made), this.#linked.get(made)];
      const lines = { start: { line: start.line }, end: { line: end.line } };
      return ids.flatMap((id) =>
        id === undefined ? [] : [[id, { locations: [{ ranges: [lines] }] }] as const],
      );
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
      case 'output':
      case 'files':
      case 'merge':
      case 'diff':
        return this.#other(source);
      default:
        return unreachable(source);
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

  /** Files that stand in the Dockerfile itself have no name. */
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

  /** A linked one is made on nothing, and laid over what it stands on. */
  #copy(vertex: CopyVertex): string {
    const below = this.add(vertex.parent);
    if (!vertex.isLinked || below === undefined) return this.#files(vertex, below);
    const copied = this.#files(vertex, undefined);
    this.#linked.set(vertex, copied);
    return this.#push({ merge: { inputs: [{ input: 0 }, { input: 1 }] } }, [below, copied]);
  }

  #files(vertex: CopyVertex, parent: string | undefined): string {
    const inputs = new Inputs(parent);
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
    const { argv, env, workingDirectory, user, settings } = vertex;
    const mounts = sortedMounts(vertex.mounts).map((mount) => ({
      ...(mount.kind === 'bind' || mount.kind === 'state'
        ? { input: inputs.number(this.add(mount.source)), output: NONE }
        : {}),
      ...mountFields(mount),
    }));
    const network = NETWORKS[settings.network.kind];
    const meta = {
      args: argv,
      env,
      cwd: workingDirectory,
      ...(user !== '' && { user }),
      ...limitFields(vertex),
    };
    const exec = {
      meta,
      mounts: [{ input: inputs.parent, dest: '/', output: 0 }, ...sharedMemory(settings), ...mounts],
      ...(network !== undefined && { network }),
      ...(settings.security.privileged && { security: 1 }),
    };
    return this.#push({ exec }, inputs.all, true);
  }

  /** Vertices that only graphs of clients have. */
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
