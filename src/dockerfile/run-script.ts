/** What RUN, CMD and ENTRYPOINT execute. */
import type { CommandLine } from './ast.ts';
import { heredocBody, tryParseHeredocHead } from './parse/heredoc.ts';

const DEFAULT_SHELL: readonly string[] = ['/bin/sh', '-c'];

export interface RunScript {
  readonly argv: readonly string[];
  /** A heredoc with a `#!` line: to be there, executable, while `argv` runs. */
  readonly script?: { readonly path: string; readonly content: string };
  /** The first line of a heredoc that is the whole command, for progress displays. */
  readonly summary?: string;
}

/** Where scripts appear, as in BuildKit. */
const SCRIPT_DIRECTORY = '/dev/pipes/';

/** @param shell what SHELL, or the image, says; empty: the default */
export function runScript(command: CommandLine, shell: readonly string[]): RunScript {
  if (command.form === 'exec') return { argv: command.argv };
  const prefix = shell.length === 0 ? DEFAULT_SHELL : shell;
  const [first] = command.heredocs;
  if (first === undefined) return { argv: [...prefix, command.text] };
  if (tryParseHeredocHead(command.text) === undefined) return { argv: [...prefix, withBodies(command)] };
  const content = heredocBody(first);
  const summary = summarize(first.content);
  if (!content.startsWith('#!')) return { argv: [...prefix, content], summary };
  const path = SCRIPT_DIRECTORY + first.name;
  return { argv: [...prefix, path], script: { path, content }, summary };
}

/** The whole command is not one heredoc: the shell gets line and bodies and does it all itself. */
function withBodies({ text, heredocs }: Extract<CommandLine, { form: 'shell' }>): string {
  return text + heredocs.map(({ content, name }) => `\n${content}${name}`).join('');
}

function summarize(content: string): string {
  const [first = '', ...others] = content.trim().split(/\r?\n/);
  return others.length > 0 ? `${first}...` : first;
}

/** CMD and ENTRYPOINT as the image config holds them. */
export function configCommand(command: CommandLine, shell: readonly string[]): readonly string[] {
  if (command.form === 'exec') return command.argv;
  return [...(shell.length === 0 ? DEFAULT_SHELL : shell), command.text];
}
