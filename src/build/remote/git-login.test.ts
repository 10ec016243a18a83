import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openGitLogin } from './git-login.ts';

const { signal } = new AbortController();

/** With what a client of these secrets is asked for. */
async function loginTo(url: string, secrets: Readonly<Record<string, string>>, names = {}) {
  const asked: string[] = [];
  const secret = (id: string) => {
    asked.push(id);
    const value = secrets[id];
    return Promise.resolve(value === undefined ? undefined : Buffer.from(value));
  };
  const tree = { kind: 'git', url, ref: '', directory: '', keepGitDirectory: false, ...names } as const;
  return { ...(await openGitLogin(tree, { session: { secret }, signal })), asked };
}

test('what is asked for, until there is one', async () => {
  const all = [
    'GIT_AUTH_HEADER.example.org:8443',
    'GIT_AUTH_TOKEN.example.org:8443',
    'GIT_AUTH_HEADER',
    'GIT_AUTH_TOKEN',
  ];
  const url = 'https://example.org:8443/app.git';
  const nothing = await loginTo(url, {});
  assert.deepEqual([nothing.asked, nothing.variables], [all, {}]);
  assert.deepEqual(
    (await loginTo(url, { GIT_AUTH_HEADER: 'a b', GIT_AUTH_TOKEN: 'c' })).asked,
    all.slice(0, 3),
  );
  const named = await loginTo(url, {}, { tokenSecret: 'mine', headerSecret: '' });
  assert.deepEqual(named.asked, ['mine.example.org:8443', 'mine']);
  assert.deepEqual((await loginTo(url, {}, { tokenSecret: '', headerSecret: '' })).asked, []);
});

test('for the repository, without its password; on github.com for all', async () => {
  const scopes = {
    'https://me:password@example.org/a/app.git': 'https://example.org/a/app.git',
    'https://github.com/a/app.git': 'https://github.com/',
    'https://www.github.com/a/app.git': 'https://www.github.com/',
    'https://github.com.example.org/app.git': 'https://github.com.example.org/app.git',
    'http://github.com/a/app.git': 'http://github.com/a/app.git',
  };
  for (const [url, scope] of Object.entries(scopes))
    assert.deepEqual((await loginTo(url, { GIT_AUTH_TOKEN: 'token' })).variables, {
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: `http.${scope}.extraHeader`,
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from('x-access-token:token').toString('base64')}`,
      GIT_CONFIG_KEY_1: `http.${scope}.followRedirects`,
      GIT_CONFIG_VALUE_1: 'false',
    });
});

test('in no form in what git says', async () => {
  const url = 'https://example.org/app.git';
  const basic = Buffer.from('me:hidden').toString('base64');
  for (const secrets of [
    { GIT_AUTH_HEADER: `basic ${basic}` },
    { GIT_AUTH_HEADER: 'Bearer hidden' },
    { GIT_AUTH_HEADER: 'hidden' },
    { GIT_AUTH_TOKEN: 'hidden' },
  ]) {
    const { explain, variables } = await loginTo(url, secrets);
    const said = explain(`no: hidden ${basic} ${variables['GIT_CONFIG_VALUE_0']}`);
    assert.match(said, /^no: \*{5} /);
    const credentials = String(variables['GIT_CONFIG_VALUE_0']).split(' ').at(-1) ?? '';
    assert.ok(!said.includes('hidden') && !said.includes(credentials), said);
  }
});
