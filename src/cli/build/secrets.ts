import { readFileSync, statSync } from 'node:fs';
import { parseCsvRecord } from '#syntax/csv-record.ts';
import type { Environment } from '../context.ts';
import { ExitError } from '../usage-error.ts';

const MAXIMUM_BYTES = 500 * 1024;

type Secret = { readonly file: string } | { readonly variable: string };

/** `--secret id=ID[,src=PATH|,env=NAME]`; a secret is read when it is asked for, and nothing else is. */
export class Secrets {
  readonly #secrets = new Map<string, Secret>();
  readonly #environment: Environment;

  constructor(texts: readonly string[], environment: Environment) {
    this.#environment = environment;
    for (const text of texts) {
      const fields = fieldsOf(text, 'secret');
      const id = fields.get('id') ?? '';
      if (id === '') throw new ExitError(1, `invalid secret ${JSON.stringify(text)}: id is required`);
      this.#secrets.set(id, this.#sourceOf(id, fields));
    }
  }

  /** @throws {ExitError} for one that is larger than BuildKit takes */
  read(id: string): Promise<Buffer | undefined> {
    const bytes = this.#bytesOf(id);
    if (bytes && bytes.length > MAXIMUM_BYTES)
      throw new ExitError(1, `invalid secret size ${bytes.length}: the maximum is ${MAXIMUM_BYTES}`);
    return Promise.resolve(bytes);
  }

  #bytesOf(id: string): Buffer | undefined {
    const secret = this.#secrets.get(id);
    if (!secret) return undefined;
    if ('file' in secret) return readFileSync(secret.file);
    const value = this.#environment[secret.variable];
    return value === undefined ? undefined : Buffer.from(value);
  }

  #sourceOf(id: string, fields: ReadonlyMap<string, string>): Secret {
    const file = fields.get('src') ?? fields.get('source');
    const variable = fields.get('env') ?? (fields.get('type') === 'env' ? (file ?? id) : undefined);
    if (variable !== undefined) return { variable };
    if (file === undefined && this.#environment[id] !== undefined) return { variable: id };
    const path = file ?? id;
    if (!statSync(path, { throwIfNoEntry: false })?.isFile())
      throw new ExitError(1, `failed to read secret ${id}: ${path} is no file`);
    return { file: path };
  }
}

/** `a=b,c=d`; a name alone has the value `true`. */
export function fieldsOf(text: string, what: string): ReadonlyMap<string, string> {
  const fields = parseCsvRecord(text).map((field): [string, string] => {
    const equals = field.indexOf('=');
    return equals < 0 ? [field.trim(), 'true'] : [field.slice(0, equals).trim(), field.slice(equals + 1)];
  });
  if (fields.some(([name]) => name === '')) throw new ExitError(1, `invalid ${what} ${JSON.stringify(text)}`);
  return new Map(fields);
}
