import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeExecRequest, decodeExecStart } from './decode-exec.ts';
import { decodeUpdateRequest } from './decode-update.ts';
import { decodePathStat, encodePathStat } from './path-stat.ts';
import { decodeRegistryAuth, decodeRegistryConfig, encodeRegistryAuth } from './registry-auth.ts';
import { apiVersion, unsupportedVersion } from './versions.ts';

describe('path stat', () => {
  it('is what dockerd sends', () => {
    const header =
      'eyJuYW1lIjoiLyIsInNpemUiOjQwOTYsIm1vZGUiOjIxNDc0ODQxNDEsIm10aW1lIjoiMjAyNi0xMS0yNFQwNjo0ODowOC40MTc0Mzk2MDJaIiwibGlua1RhcmdldCI6IiJ9';
    const stat = decodePathStat(header);
    assert.deepEqual(stat, {
      name: '/',
      size: 4096,
      mode: 2147484141,
      mtime: '2026-11-24T06:48:08.417439602Z',
      linkTarget: '',
    });
    assert.equal(encodePathStat(stat), header);
    assert.throws(() => decodePathStat('x'), /malformed header/);
  });
});

describe('registry credentials', () => {
  it('round-trip, and are read with or without padding', () => {
    const auth = { username: 'a?b', password: '>>>', serveraddress: 'r.example' };
    assert.deepEqual(decodeRegistryAuth(encodeRegistryAuth(auth)), auth);
    assert.deepEqual(decodeRegistryAuth(encodeRegistryAuth(auth).replaceAll('=', '')), auth);
    assert.deepEqual(decodeRegistryAuth('e30='), {});
    assert.deepEqual(decodeRegistryAuth(undefined), {});
    assert.throws(() => decodeRegistryAuth('!!'), /invalid X-Registry-Auth header/);
    const config = Buffer.from('{"r":{"Username":"u"}}').toString('base64');
    assert.deepEqual(decodeRegistryConfig(config), { r: { username: 'u' } });
  });
});

describe('versions', () => {
  it('are refused outside 1.24 to 1.56', () => {
    assert.match(
      unsupportedVersion('1.12') ?? '',
      /^client version 1\.12 is too old\. Minimum supported API version is 1\.24, /,
    );
    assert.match(
      unsupportedVersion('2') ?? '',
      /^client version 2 is too new\. Maximum supported API version is 1\.56$/,
    );
    assert.match(unsupportedVersion('1.56.1') ?? '', /too new/);
    for (const version of ['1.24', '1.45', '1.56']) assert.equal(unsupportedVersion(version), undefined);
    assert.ok(apiVersion('1.9') < apiVersion('1.24'));
  });
});

describe('exec and update', () => {
  it('decode what clients send', () => {
    assert.deepEqual(decodeExecRequest('{"Cmd":["ls"],"AttachStdout":true}'), {
      User: '',
      Privileged: false,
      Tty: false,
      ConsoleSize: null,
      AttachStdin: false,
      AttachStderr: false,
      AttachStdout: true,
      Detach: false,
      DetachKeys: '',
      Env: null,
      WorkingDir: '',
      Cmd: ['ls'],
    });
    assert.throws(() => decodeExecRequest(''), /No exec command specified/);
    assert.throws(() => decodeExecRequest('{"Cmd":"ls"}'), /struct field ExecConfig\.Cmd of type \[\]string/);
    assert.deepEqual(decodeExecStart('{"Detach":true,"ConsoleSize":[30,100],"stdin":true}'), {
      Detach: true,
      Tty: false,
      ConsoleSize: [30, 100],
    });
  });

  it('keep only what an update changes', () => {
    const body =
      '{"Memory":104857600,"CpuShares":0,"PidsLimit":null,"Ulimits":null,"RestartPolicy":{"Name":"no"}}';
    assert.deepEqual(decodeUpdateRequest(body), {
      Memory: 104857600,
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    });
    assert.deepEqual(decodeUpdateRequest('{"RestartPolicy":{"Name":""}}'), {});
    assert.deepEqual(decodeUpdateRequest(''), {});
  });
});
