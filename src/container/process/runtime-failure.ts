/** Why a runtime could not start a process: its words are read here, and nowhere else. */
import type { EngineError } from '#base/errors.ts';
import { type ContainerErrorReason, containerError } from '../container-errors.ts';

/** The beginning of runc's message, which repeats what it could not do. */
const RUNC_PREFIX = /^(runc run|exec) failed: unable to start container process: /;

interface Translation {
  readonly pattern: RegExp;
  readonly text: (subject: string) => string;
}

/** crun's words and runc's for them. */
const TRANSLATIONS: readonly Translation[] = [
  {
    pattern: /^executable file `(.*)` not found in \$PATH/,
    text: (file) => `exec: ${JSON.stringify(file)}: executable file not found in $PATH`,
  },
  {
    pattern: /^cannot find `(.*)` in \$PATH/,
    text: (file) => `exec: ${JSON.stringify(file)}: executable file not found in $PATH`,
  },
  {
    pattern: /^executable file `(.*)` not found/,
    text: (file) => `exec: ${JSON.stringify(file)}: stat ${file}: no such file or directory`,
  },
  {
    pattern: /^the path `(.*)` is not a regular file/,
    text: (file) => `exec: ${JSON.stringify(file)}: is a directory: permission denied`,
  },
  {
    pattern: /^the path `(.*)` exists but it is not executable/,
    text: (file) => `exec: ${JSON.stringify(file)}: permission denied`,
  },
  {
    pattern: /unable to start container process: exec: "(.*)": is a directory$/,
    text: (file) => `exec: ${JSON.stringify(file)}: is a directory: permission denied`,
  },
];

export interface StartSubject {
  readonly what: 'container' | 'exec';
  readonly id: string;
}

/** @param said the runtime's own words */
export function runtimeFailure(said: string, { what, id }: StartSubject): EngineError {
  const problem = translate(said);
  return containerError(reasonOf(problem), { subject: id, details: { what, problem } });
}

function translate(said: string): string {
  for (const { pattern, text } of TRANSLATIONS) {
    const match = pattern.exec(said);
    if (match) return text(match[1] ?? '');
  }
  return said.replace(RUNC_PREFIX, '');
}

function reasonOf(problem: string): ContainerErrorReason {
  if (/permission denied/i.test(problem)) return 'program-not-executable';
  if (!/executable file not found|no such file or directory|not a directory/i.test(problem))
    return 'runtime-failed';
  return problem.includes('chdir to') ? 'no-working-directory' : 'program-missing';
}
