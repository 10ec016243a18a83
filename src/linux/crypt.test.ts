import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hashPassword, newPasswordSetting } from './crypt.ts';

// The test vector "U*U" of crypt_blowfish, and the same under the prefixes that others write.
const VECTOR = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

describe('hashPassword', () => {
  it('verifies bcrypt under each of its prefixes', async () => {
    for (const prefix of ['$2a$', '$2b$', '$2y$']) {
      const hash = prefix + VECTOR.slice(4);
      assert.equal(await hashPassword('U*U', hash), hash);
      assert.notEqual(await hashPassword('U*V', hash), hash);
    }
  });

  it('gives nothing for what is no setting', async () => {
    for (const setting of ['', '*0', '$2y$99$CCCCCCCCCCCCCCCCCCCCC.', '$2y$05$'])
      assert.equal(await hashPassword('x', setting), undefined, setting);
  });

  it('works on many at once, each with memory of its own', async () => {
    const setting = newPasswordSetting('$2y$', 4);
    const phrases = Array.from({ length: 16 }, (_, index) => `phrase ${index}`);
    const hashes = await Promise.all(phrases.map((phrase) => hashPassword(phrase, setting)));
    assert.equal(new Set(hashes).size, phrases.length);
    for (const [index, hash = ''] of hashes.entries())
      assert.equal(await hashPassword(phrases[index] ?? '', hash), hash);
  });
});

describe('newPasswordSetting', () => {
  it('salts at random', () => {
    assert.match(newPasswordSetting('$2y$', 10), /^\$2y\$10\$[./A-Za-z0-9]{22}$/);
    assert.notEqual(newPasswordSetting('$2y$', 10), newPasswordSetting('$2y$', 10));
  });
});
