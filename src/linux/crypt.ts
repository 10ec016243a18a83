/** Password hashes by the system's libcrypt (crypt(3), crypt_gensalt(3)); hashing runs off the event loop. */
import type { KoffiFunc } from 'koffi';
import { EngineError } from '#base/errors.ts';
import { koffi } from './libc.ts';

const LIBCRYPT = 'libcrypt.so.1';

/** sizeof(struct crypt_data) of libxcrypt; its first member is the NUL-terminated result (crypt.h). */
const CRYPT_DATA_BYTES = 32_768;
const SETTING_BYTES = 192;
/** Enough of a hash to be compared by: bcrypt's have 60 characters. */
const MINIMUM_HASH_LENGTH = 13;

interface Libcrypt {
  readonly crypt: KoffiFunc<(phrase: string, setting: string, data: Buffer) => string | null>;
  gensalt(
    prefix: string,
    cost: number,
    random: null,
    randomBytes: number,
    setting: Buffer,
    size: number,
  ): string | null;
}

let bound: Libcrypt | undefined;

function libcrypt(): Libcrypt {
  if (bound) return bound;
  const library = load();
  bound = {
    crypt: library.func('const char* crypt_r(const char*, const char*, void*)'),
    gensalt: library.func('const char* crypt_gensalt_rn(const char*, unsigned long, void*, int, void*, int)'),
  };
  return bound;
}

function load() {
  try {
    return koffi().load(LIBCRYPT);
  } catch (cause) {
    throw new EngineError('unavailable', `Cannot verify passwords: ${LIBCRYPT} is not installed`, { cause });
  }
}

/**
 * The hash of `phrase` under `setting`, which a hash of it may be: equal to `setting` then.
 *
 * @returns undefined if the setting is not one, or of a method that is not supported
 */
export async function hashPassword(phrase: string, setting: string): Promise<string | undefined> {
  const { crypt } = libcrypt();
  const data = Buffer.alloc(CRYPT_DATA_BYTES);
  const { promise, resolve, reject } = Promise.withResolvers<string | null>();
  crypt.async(phrase, setting, data, (error, result) => {
    if (error) reject(new EngineError('internal', 'Cannot hash a password', { cause: error }));
    else resolve(result);
  });
  const hash = await promise;
  // Failures are a null pointer, or "*0" and "*1", which no hash can be.
  return hash === null || hash.startsWith('*') || hash.length < MINIMUM_HASH_LENGTH ? undefined : hash;
}

/**
 * A new setting for {@link hashPassword}, with a random salt of the kernel's.
 *
 * @param prefix of the method, such as `$2y$`
 * @param cost as the method counts it; for bcrypt the logarithm of the rounds
 */
export function newPasswordSetting(prefix: string, cost: number): string {
  const setting = libcrypt().gensalt(prefix, cost, null, 0, Buffer.alloc(SETTING_BYTES), SETTING_BYTES);
  if (setting === null)
    throw new EngineError(
      'invalid',
      `Cannot hash passwords: method ${prefix} or cost ${cost} is not supported`,
    );
  return setting;
}
