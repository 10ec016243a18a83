import { parseGoBoolean } from '#base/booleans.ts';
import { EngineError } from '#base/errors.ts';

/** What `SecurityOpt` says, decoded. */
export interface SecurityOptions {
  readonly seccomp:
    | { readonly kind: 'default' }
    | { readonly kind: 'unconfined' }
    | { readonly kind: 'profile'; readonly json: string };
  /** Undefined: the engine's choice. */
  readonly noNewPrivileges: boolean | undefined;
  /** No masked and read-only paths. */
  readonly systemPathsUnconfined: boolean;
  /** What this engine does not enforce, in words for the client. */
  readonly warnings: readonly string[];
}

/** @throws {EngineError} `invalid` for an option that Docker refuses too */
export function parseSecurityOptions(options: readonly string[] | null): SecurityOptions {
  let result: SecurityOptions = {
    seccomp: { kind: 'default' },
    noNewPrivileges: undefined,
    systemPathsUnconfined: false,
    warnings: [],
  };
  for (const option of options ?? []) result = { ...result, ...parseOption(option, result) };
  return result;
}

function parseOption(option: string, before: SecurityOptions): Partial<SecurityOptions> {
  if (option === 'no-new-privileges') return { noNewPrivileges: true };
  if (option === 'disable') return {};
  const separator = /[=:]/.exec(option);
  if (!separator) throw new EngineError('invalid', `invalid --security-opt 1: ${JSON.stringify(option)}`);
  const key = option.slice(0, separator.index);
  const value = option.slice(separator.index + 1);
  if (key === 'seccomp') return { seccomp: seccompChoice(value) };
  if (key === 'no-new-privileges') return { noNewPrivileges: parseBoolean(value, option) };
  if (key === 'systempaths' && value === 'unconfined') return { systemPathsUnconfined: true };
  if (key === 'apparmor' || key === 'label') {
    if (value === 'unconfined' || value === 'disable') return {};
    return { warnings: [...before.warnings, `Security option ${option} has no effect on this host.`] };
  }
  throw new EngineError('invalid', `invalid --security-opt 2: ${JSON.stringify(option)}`);
}

function seccompChoice(value: string): SecurityOptions['seccomp'] {
  if (value === 'unconfined') return { kind: 'unconfined' };
  if (value === 'builtin' || value === '') return { kind: 'default' };
  return { kind: 'profile', json: value };
}

function parseBoolean(value: string, option: string): boolean {
  const flag = parseGoBoolean(value);
  if (flag !== undefined) return flag;
  throw new EngineError('invalid', `invalid --security-opt 2: ${JSON.stringify(option)}`);
}
