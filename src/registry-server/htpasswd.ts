/** Users in a file as Apache's htpasswd writes it: `NAME:HASH` a line, bcrypt only (`htpasswd -B`). */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { EngineError } from '#base/errors.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { Semaphore } from '#base/semaphore.ts';
import { hashPassword, newPasswordSetting } from '#linux/crypt.ts';
import { readIfThere } from '#linux/read-if-there.ts';
import { RegistryError } from './registry-error.ts';

const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;
const PREFIX = '$2y$';
const COST = 10;
/** bcrypt ignores what comes after. */
const MAXIMUM_PASSWORD_BYTES = 72;

/** Each takes a core for some 50 ms: more at once would only be slower. */
const CONCURRENT_HASHES = 2;
const MAXIMUM_WAITING = 256;
const MAXIMUM_REMEMBERED = 1000;

export class UserFile {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #hashing = new Semaphore(CONCURRENT_HASHES);
  readonly #secret = randomBytes(32);
  /** Marks of passwords that were right: hashing anew for each request of a pull would take longer than the pull. */
  readonly #verified = new Set<string>();
  /** Hashed against for names that do not exist, so that time does not tell which do. */
  readonly #decoy = newPasswordSetting(PREFIX, COST);
  #users: ReadonlyMap<string, string> = new Map();
  #version = '';
  #waiting = 0;

  /** @throws {EngineError} `not-found` if there is no such file */
  constructor(path: string, logger: Logger = silentLogger) {
    this.#path = path;
    this.#logger = logger;
    if (versionOf(path) === undefined)
      throw new EngineError('not-found', `Cannot read users from ${path}: no such file`);
    this.#reload();
  }

  /**
   * @param signal ends the waiting for others. @throws its reason
   * @throws {RegistryError} TOOMANYREQUESTS while too many passwords are being verified
   */
  async verify(name: string, password: string, signal: AbortSignal): Promise<boolean> {
    this.#reload();
    const hash = this.#users.get(name);
    const mark = createHmac('sha256', this.#secret)
      .update(`${hash ?? ''}\0${password}`)
      .digest('hex');
    if (hash !== undefined && this.#verified.has(mark)) return true;
    const hashed = await this.#hash(password, hash ?? this.#decoy, signal);
    const isRight = isSame(hashed, hash);
    if (isRight) this.#remember(mark);
    return isRight;
  }

  async #hash(password: string, setting: string, signal: AbortSignal): Promise<string | undefined> {
    if (this.#waiting >= MAXIMUM_WAITING) throw new RegistryError('TOOMANYREQUESTS');
    this.#waiting++;
    try {
      using _permit = await this.#hashing.acquire(signal);
      return await hashPassword(password, setting);
    } finally {
      this.#waiting--;
    }
  }

  #remember(mark: string): void {
    if (this.#verified.size >= MAXIMUM_REMEMBERED) this.#verified.clear();
    this.#verified.add(mark);
  }

  /** Looks whether the file was changed; a stat(2) is nothing beside a request. */
  #reload(): void {
    const version = versionOf(this.#path);
    if (version === this.#version) return;
    this.#version = version ?? '';
    this.#verified.clear();
    const text = version === undefined ? '' : readFileSync(this.#path, 'utf8');
    const { users, refused } = parseUsers(text);
    this.#users = users;
    for (const name of refused)
      this.#logger.warn('Ignored a user whose password is not hashed with bcrypt', { name });
  }
}

/** Users by name, and the names of those whose hash is of another kind. */
function parseUsers(text: string): {
  readonly users: ReadonlyMap<string, string>;
  readonly refused: readonly string[];
} {
  const users = new Map<string, string>();
  const refused: string[] = [];
  for (const line of text.split('\n').map((each) => each.trim())) {
    const colon = line.indexOf(':');
    if (line.startsWith('#') || colon <= 0) continue;
    const [name, hash] = [line.slice(0, colon), line.slice(colon + 1)];
    if (BCRYPT.test(hash)) users.set(name, hash);
    else refused.push(name);
  }
  return { users, refused };
}

/**
 * Adds a user or changes its password; the file is replaced in one step, other lines stay as they are.
 *
 * @throws {EngineError} `invalid` for a name or a password that cannot be stored
 */
export async function setUser(path: string, name: string, password: string): Promise<void> {
  if (!/^[^:\s#][^:\n\r]*$/.test(name))
    throw new EngineError('invalid', `Cannot add user ${JSON.stringify(name)}: not a name`);
  const length = Buffer.byteLength(password);
  if (length === 0 || length > MAXIMUM_PASSWORD_BYTES || password.includes('\0'))
    throw new EngineError(
      'invalid',
      `Cannot add user ${name}: the password must have 1 to ${MAXIMUM_PASSWORD_BYTES} bytes`,
    );
  const hash = await hashPassword(password, newPasswordSetting(PREFIX, COST));
  if (hash === undefined)
    throw new EngineError('unavailable', `Cannot add user ${name}: bcrypt is not supported`);
  replaceFile(path, `${[...linesWithout(path, name), `${name}:${hash}`].join('\n')}\n`);
}

/** @throws {EngineError} `not-found` if there is no such user */
export function removeUser(path: string, name: string): void {
  const lines = linesWithout(path, name);
  if (lines.length === linesOf(path).length)
    throw new EngineError('not-found', `Cannot remove user ${name}: no such user`);
  replaceFile(path, lines.map((line) => `${line}\n`).join(''));
}

function linesWithout(path: string, name: string): readonly string[] {
  return linesOf(path).filter((line) => !line.startsWith(`${name}:`));
}

function linesOf(path: string): readonly string[] {
  const lines = readIfThere(path)?.split('\n') ?? [];
  return lines.filter((line) => line !== '');
}

/** Others must not read hashes; a file that was there keeps its owner and mode. */
function replaceFile(path: string, text: string): void {
  const mode = versionOf(path) === undefined ? 0o600 : statSync(path).mode & 0o777;
  const temporary = `${path}.${process.pid}.new`;
  writeFileSync(temporary, text, { mode, flush: true });
  chmodSync(temporary, mode);
  renameSync(temporary, path);
}

function versionOf(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false, bigint: true });
  return status && `${status.ino} ${status.mtimeNs} ${status.size}`;
}

function isSame(hash: string | undefined, expected: string | undefined): boolean {
  if (hash === undefined || expected === undefined || hash.length !== expected.length) return false;
  return timingSafeEqual(Buffer.from(hash), Buffer.from(expected));
}
