/**
 * A Dockerfile as data. Vocabulary: a *statement* is one logical line (continuations joined) cut into keyword,
 * flags, arguments and heredocs; an *instruction* is a statement with its arguments typed and checked; a *stage*
 * is a FROM with the instructions up to the next one.
 *
 * Texts are unexpanded, as written: `$NAME`, quotes and escapes are still in them. `expand-instruction.ts` turns an
 * instruction into one with values, given the variables in force at its place.
 */

/** A place in the source: `line` and `column` count from 1, columns in UTF-16 code units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** From `start` up to, not including, `end`. */
export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** A piece of text and where it came from. */
export interface Token {
  readonly text: string;
  readonly range: Range;
}

/** `<<EOF`, `<<-EOF`, `<<"EOF"` with its body. */
export interface Heredoc {
  readonly name: string;
  /** False where the name was quoted: variables in the body stay. */
  readonly expand: boolean;
  /** `<<-`: leading tabs of each line do not count. `content` still has them; see `heredocBody`. */
  readonly chomp: boolean;
  /** `3<<EOF`; 0 where none is given. */
  readonly fileDescriptor: number;
  readonly content: string;
  /** The lines of the body and the terminator. */
  readonly range: Range;
}

/** How the arguments were written: `["a", "b"]`, or anything else. */
export type ArgumentForm = 'json' | 'plain';

export interface Statement {
  readonly keyword: Token;
  /** Each `--name[=value]`, quotes and escapes removed. */
  readonly flags: readonly Token[];
  readonly form: ArgumentForm;
  /**
   * Words, the elements of the JSON array, `name`,`value`,`=`-or-empty triples (ENV, LABEL), or one token of text.
   * ONBUILD has only the trigger's keyword, an unknown instruction nothing.
   */
  readonly args: readonly Token[];
  /** `# …` after the JSON array, which is not part of it. */
  readonly trailingComment?: Token;
  readonly heredocs: readonly Heredoc[];
  /** The joined line, without heredoc bodies. */
  readonly original: string;
  /** The range from the keyword to the end of the line, or of the last heredoc. */
  readonly range: Range;
  /** Comment lines directly above, without `#`. */
  readonly comments: readonly string[];
  /** ONBUILD only: the statement it wraps. */
  readonly trigger?: Statement;
}

/** `# syntax=…`, `# escape=…`, `# check=…` at the top of the file. */
export interface Directive {
  readonly name: 'syntax' | 'escape' | 'check';
  readonly value: string;
  readonly range: Range;
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

export interface ArgDefinition {
  readonly name: string;
  /** Undefined: declared without a default. */
  readonly value?: string;
}

/** A file written in the Dockerfile itself. */
export interface InlineFile {
  /** The heredoc's name: also the file's name for COPY into a directory. */
  readonly name: string;
  /** Leading tabs removed where `<<-` says so. */
  readonly content: string;
  /** Variables in `content` are expanded (COPY, ADD; never RUN, whose shell does it). */
  readonly expand: boolean;
}

/** RUN, CMD, ENTRYPOINT: a line for the shell, or an argument vector. */
export type CommandLine =
  | { readonly form: 'shell'; readonly text: string; readonly heredocs: readonly Heredoc[] }
  | { readonly form: 'exec'; readonly argv: readonly string[] };

interface InstructionBase {
  readonly range: Range;
  /** The joined line, trimmed: what progress displays and `docker history` show. */
  readonly original: string;
  readonly comments: readonly string[];
  readonly statement: Statement;
}

export interface FromInstruction extends InstructionBase {
  readonly kind: 'from';
  /** An image, an earlier stage, or `scratch`; may hold variables. */
  readonly base: string;
  /** Lower case; undefined without AS. */
  readonly stageName?: string;
  readonly platform?: string;
}

type RunNetwork = 'default' | 'none' | 'host';
type RunSecurity = 'sandbox' | 'insecure';

export interface RunInstruction extends InstructionBase {
  readonly kind: 'run';
  readonly command: CommandLine;
  /** Each `--mount` as written: `parseMountOptions` reads it once variables are known. */
  readonly mounts: readonly string[];
  readonly network: RunNetwork;
  readonly security: RunSecurity;
}

export interface CmdInstruction extends InstructionBase {
  readonly kind: 'cmd';
  readonly command: CommandLine;
}

export interface EntrypointInstruction extends InstructionBase {
  readonly kind: 'entrypoint';
  /** An empty `argv` resets the base image's. */
  readonly command: CommandLine;
}

export interface LabelInstruction extends InstructionBase {
  readonly kind: 'label';
  readonly labels: readonly KeyValue[];
}

export interface MaintainerInstruction extends InstructionBase {
  readonly kind: 'maintainer';
  readonly maintainer: string;
}

export interface ExposeInstruction extends InstructionBase {
  readonly kind: 'expose';
  /** `80`, `80/udp`, `8000-8010/tcp`; sorted. */
  readonly ports: readonly string[];
}

export interface EnvInstruction extends InstructionBase {
  readonly kind: 'env';
  readonly variables: readonly KeyValue[];
}

interface FileTransfer extends InstructionBase {
  readonly sources: readonly string[];
  readonly inlineFiles: readonly InlineFile[];
  readonly destination: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly link: boolean;
  /** Patterns as in `.dockerignore`, relative to each source. */
  readonly exclude: readonly string[];
}

export interface AddInstruction extends FileTransfer {
  readonly kind: 'add';
  readonly checksum?: string;
  /** Undefined: the default of the source's kind. */
  readonly keepGitDir?: boolean;
  /** Undefined: local archives are unpacked, downloaded ones are not. */
  readonly unpack?: boolean;
}

export interface CopyInstruction extends FileTransfer {
  readonly kind: 'copy';
  /** A stage's name or index, a named context, or an image. No variables. */
  readonly from?: string;
  readonly parents: boolean;
}

export interface VolumeInstruction extends InstructionBase {
  readonly kind: 'volume';
  readonly paths: readonly string[];
}

export interface UserInstruction extends InstructionBase {
  readonly kind: 'user';
  readonly user: string;
}

export interface WorkdirInstruction extends InstructionBase {
  readonly kind: 'workdir';
  readonly path: string;
}

export interface ArgInstruction extends InstructionBase {
  readonly kind: 'arg';
  readonly definitions: readonly ArgDefinition[];
}

export interface OnbuildInstruction extends InstructionBase {
  readonly kind: 'onbuild';
  /** The trigger as the image config keeps it; `parseTrigger` reads it in the build that inherits it. */
  readonly expression: string;
}

export interface StopSignalInstruction extends InstructionBase {
  readonly kind: 'stopsignal';
  readonly signal: string;
}

/** As in the image config: `test` is `['NONE']`, `['CMD', …]` or `['CMD-SHELL', text]`. Durations in nanoseconds. */
export interface Healthcheck {
  readonly test: readonly string[];
  readonly intervalNs?: number;
  readonly timeoutNs?: number;
  readonly startPeriodNs?: number;
  readonly startIntervalNs?: number;
  readonly retries?: number;
}

export interface HealthcheckInstruction extends InstructionBase {
  readonly kind: 'healthcheck';
  readonly healthcheck: Healthcheck;
}

export interface ShellInstruction extends InstructionBase {
  readonly kind: 'shell';
  readonly argv: readonly string[];
}

export type StageInstruction =
  | RunInstruction
  | CmdInstruction
  | EntrypointInstruction
  | LabelInstruction
  | MaintainerInstruction
  | ExposeInstruction
  | EnvInstruction
  | AddInstruction
  | CopyInstruction
  | VolumeInstruction
  | UserInstruction
  | WorkdirInstruction
  | ArgInstruction
  | OnbuildInstruction
  | StopSignalInstruction
  | HealthcheckInstruction
  | ShellInstruction;

export type Instruction = FromInstruction | StageInstruction;

export interface Stage {
  /** Position in the file, from 0: `COPY --from=0`. */
  readonly index: number;
  readonly from: FromInstruction;
  readonly instructions: readonly StageInstruction[];
}

/** The file's name as shown to people, and its text. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** The statements of a file, before they are typed. */
export interface ParsedFile {
  readonly source: SourceFile;
  readonly directives: readonly Directive[];
  readonly escape: '\\' | '`';
  readonly statements: readonly Statement[];
  /** Logical lines with an empty line inside a continuation (rule NoEmptyContinuation). */
  readonly emptyContinuations: readonly Token[];
}

export interface Dockerfile extends ParsedFile {
  /** ARGs before the first FROM: the only variables FROM sees. */
  readonly globalArgs: readonly ArgInstruction[];
  /** At least one. */
  readonly stages: readonly Stage[];
}
