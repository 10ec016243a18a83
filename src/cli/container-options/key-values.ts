import { readFileSync } from 'node:fs';

type Environment = Readonly<Record<string, string | undefined>>;

export function checkEnvironment(text: string): string {
  if (text === '' || text.startsWith('=')) throw new Error(`invalid environment variable: ${text}`);
  return text;
}

export function checkLabel(text: string): string {
  if (text.startsWith('=')) throw new Error(`invalid label '${text}': empty name`);
  return text;
}

/** @throws {Error} if the text sets nothing */
export function checkSysctl(text: string): string {
  if (!text.includes('=')) throw new Error(`sysctl '${text}' is not allowed`);
  return text;
}

/**
 * The variables of `--env-file` and then of `--env`. A name alone takes its value from this process's environment;
 * where that has none, it stays alone (and takes the image's value away), but from a file it is left out.
 */
export function readEnvironment(
  files: readonly string[],
  variables: readonly string[],
  environment: Environment,
): readonly string[] {
  const fromFiles = files.flatMap((file) => readKeyValueFile(file, (name) => environment[name]));
  const given = variables.map((variable) => {
    const value = variable.includes('=') ? undefined : environment[variable];
    return value === undefined ? variable : `${variable}=${value}`;
  });
  return [...fromFiles, ...given];
}

/** The labels of `--label-file` and then of `--label`; a name alone has an empty value, but from a file is left out. */
export function readLabels(
  files: readonly string[],
  labels: readonly string[],
): Readonly<Record<string, string>> {
  return toMap([...files.flatMap((file) => readKeyValueFile(file, () => undefined)), ...labels]);
}

/** From `key=value`; a key alone has an empty value. */
export function toMap(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

function readKeyValueFile(file: string, valueOf: (name: string) => string | undefined): readonly string[] {
  const lines = readFileSync(file, 'utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/);
  return lines.flatMap((raw, index) => {
    const line = raw.trimStart();
    if (line === '' || line.startsWith('#')) return [];
    const equals = line.indexOf('=');
    const name = (equals < 0 ? line : line.slice(0, equals)).trimStart();
    const place = `invalid env file (${file}): line ${index + 1}: `;
    if (name === '') throw new Error(`${place}no variable name on line '${line}'`);
    if (/\s/.test(name)) throw new Error(`${place}variable '${name}' contains whitespaces`);
    if (equals >= 0) return [`${name}=${line.slice(equals + 1)}`];
    const value = valueOf(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
}
