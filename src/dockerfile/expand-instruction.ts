/** An instruction with its variables replaced: which parts expand, and how, is each instruction's own. */
import { unreachable } from '#base/unreachable.ts';
import type {
  AddInstruction,
  CopyInstruction,
  InlineFile,
  KeyValue,
  SourceFile,
  StageInstruction,
} from './ast.ts';
import { withPlace } from './dockerfile-error.ts';
import { expand, type Variables } from './words/expand.ts';

export interface ExpandedInstruction<T extends StageInstruction> {
  readonly instruction: T;
  /** Variables it asked for that are not set. */
  readonly unmatched: ReadonlySet<string>;
}

export interface InstructionScope {
  readonly variables: Variables;
  /** The file's escape character. */
  readonly escape: '\\' | '`';
  /** Named in errors. */
  readonly source?: SourceFile;
}

/**
 * Expands what BuildKit expands: ENV, LABEL, ADD, COPY, WORKDIR, USER, VOLUME, STOPSIGNAL, EXPOSE. Commands are left
 * to their shell, RUN's mounts to `parseMountOptions`, ARG to `StageScope`.
 *
 * @throws {DockerfileError} if a text cannot be expanded
 */
export function expandInstruction<T extends StageInstruction>(
  instruction: T,
  scope: InstructionScope,
): ExpandedInstruction<T>;
export function expandInstruction(
  instruction: StageInstruction,
  scope: InstructionScope,
): ExpandedInstruction<StageInstruction> {
  const expander = new Expander(scope);
  const place = { range: instruction.range, ...(scope.source === undefined ? {} : { source: scope.source }) };
  return withPlace(place, () => ({
    instruction: expanded(instruction, expander),
    unmatched: expander.unmatched,
  }));
}

class Expander {
  readonly unmatched = new Set<string>();
  readonly #scope: InstructionScope;

  constructor(scope: InstructionScope) {
    this.#scope = scope;
  }

  readonly word = (text: string): string => this.#expand(text, { escape: this.#scope.escape }).text;

  readonly words = (text: string): readonly string[] =>
    this.#expand(text, { escape: this.#scope.escape }).words;

  readonly pair = ({ key, value }: KeyValue): KeyValue => ({ key: this.word(key), value: this.word(value) });

  /** Bodies keep their quotes, and always escape with a backslash, as a shell's heredoc does. */
  readonly inlineFile = (file: InlineFile): InlineFile =>
    file.expand ? { ...file, content: this.#expand(file.content, { ignoreQuotes: true }).text } : file;

  #expand(text: string, options: Parameters<typeof expand>[2]): ReturnType<typeof expand> {
    const result = expand(text, this.#scope.variables, options);
    for (const name of result.unmatched) this.unmatched.add(name);
    return result;
  }
}

function expanded(instruction: StageInstruction, expander: Expander): StageInstruction {
  switch (instruction.kind) {
    case 'env':
      return { ...instruction, variables: instruction.variables.map(expander.pair) };
    case 'label':
      return { ...instruction, labels: instruction.labels.map(expander.pair) };
    case 'add':
      return {
        ...expandedFiles(instruction, expander),
        ...optional('checksum', instruction.checksum, expander),
      };
    case 'copy':
      return expandedFiles(instruction, expander);
    case 'workdir':
      return { ...instruction, path: expander.word(instruction.path) };
    case 'user':
      return { ...instruction, user: expander.word(instruction.user) };
    case 'volume':
      return { ...instruction, paths: instruction.paths.map(expander.word) };
    case 'stopsignal':
      return { ...instruction, signal: expander.word(instruction.signal) };
    case 'expose':
      return { ...instruction, ports: instruction.ports.flatMap(expander.words) };
    case 'arg':
    case 'cmd':
    case 'entrypoint':
    case 'healthcheck':
    case 'maintainer':
    case 'onbuild':
    case 'run':
    case 'shell':
      return instruction;
    default:
      return unreachable(instruction);
  }
}

function expandedFiles<T extends AddInstruction | CopyInstruction>(instruction: T, expander: Expander): T {
  return {
    ...instruction,
    sources: instruction.sources.map(expander.word),
    destination: expander.word(instruction.destination),
    inlineFiles: instruction.inlineFiles.map(expander.inlineFile),
    ...optional('chown', instruction.chown, expander),
    ...optional('chmod', instruction.chmod, expander),
  };
}

function optional<K extends string>(
  key: K,
  value: string | undefined,
  expander: Expander,
): { readonly [P in K]?: string } {
  const result: { [P in K]?: string } = {};
  if (value !== undefined) result[key] = expander.word(value);
  return result;
}
