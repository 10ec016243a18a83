import { readFileSync } from 'node:fs';
import { UsageError } from '../usage-error.ts';

export interface SecurityOptions {
  readonly options: readonly string[] | null;
  /** Empty lists take the engine's defaults away; null leaves them. */
  readonly maskedPaths: readonly string[] | null;
  readonly readonlyPaths: readonly string[] | null;
}

/** Reads `--security-opt`: seccomp profiles are sent along, `systempaths=unconfined` becomes empty lists. */
export function readSecurityOptions(texts: readonly string[]): SecurityOptions {
  const bare = texts.some((text) => text === 'systempaths=unconfined' || text === 'systempaths:unconfined');
  const options = texts.filter((text) => !/^systempaths[=:]unconfined$/.test(text)).map(readOption);
  return {
    options: texts.length > 0 ? options : null,
    maskedPaths: bare ? [] : null,
    readonlyPaths: bare ? [] : null,
  };
}

function readOption(text: string): string {
  const [, key = '', value = ''] = /^([^=:]+)[=:]([^]*)$/.exec(text) ?? [];
  if (key === '') {
    if (text === 'no-new-privileges') return text;
    throw new UsageError(`Invalid --security-opt: ${JSON.stringify(text)}`);
  }
  if (key !== 'seccomp' || value === 'unconfined' || value === 'builtin') return text;
  return `seccomp=${readProfile(value)}`;
}

function readProfile(file: string): string {
  try {
    return JSON.stringify(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`opening seccomp profile (${file}) failed: ${reason}`);
  }
}
