import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBoolean } from './booleans.ts';
import { decodeExecRequest, decodeExecStart } from './decode-exec.ts';
import { decodeUpdateRequest } from './decode-update.ts';
import { formatDuration, parseDuration, tryParseDuration } from '#base/durations.ts';
import { fromGoFileMode, isGoDirectory, isGoSymlink, toGoFileMode } from './go-file-mode.ts';
import { parseInteger } from './integers.ts';
import { decodePathStat, encodePathStat } from './path-stat.ts';
import { parseHostPorts, parsePort } from './ports.ts';
import { decodeRegistryAuth, decodeRegistryConfig, encodeRegistryAuth } from './registry-auth.ts';
import { compareVersions, unsupportedVersion } from './versions.ts';

describe('booleans', () => {
  it("are the daemon's", () => {
    for (const text of ['', '0', 'no', 'false', 'none', 'False', ' NONE '])
      assert.equal(parseBoolean(text), false);
    for (const text of ['1', 'true', 'yes', 'x', 'True']) assert.equal(parseBoolean(text), true);
    assert.equal(parseBoolean(null), false);
    assert.equal(parseBoolean(undefined, true), true);
  });
});

describe('integers', () => {
  it('are decimal and whole', () => {
    assert.equal(parseInteger('-12'), -12);
    assert.throws(() => parseInteger('1x'), /strconv\.Atoi: parsing "1x": invalid syntax/);
    assert.throws(() => parseInteger(''), /parsing "": invalid syntax/);
    assert.throws(() => parseInteger('99999999999999999999'), /value out of range/);
  });
});

describe('durations', () => {
  it('read as Go reads them', () => {
    assert.equal(parseDuration('1h30m'), 5_400_000_000_000n);
    assert.equal(parseDuration('-1.5s'), -1_500_000_000n);
    assert.equal(parseDuration('.5ms'), 500_000n);
    assert.equal(parseDuration('3us'), 3_000n);
    assert.equal(parseDuration('0'), 0n);
    for (const text of ['', '5', 's', '1h x', '.s', '1 h'])
      assert.equal(tryParseDuration(text), undefined, text);
    assert.throws(() => parseDuration('5'), /time: invalid duration "5"/);
  });

  it('print as Go prints them', () => {
    const cases: [bigint, string][] = [
      [0n, '0s'],
      [1n, '1ns'],
      [1_500n, '1.5µs'],
      [20_000_000n, '20ms'],
      [90_000_000_000n, '1m30s'],
      [3_600_000_000_000n, '1h0m0s'],
      [3_661_500_000_000n, '1h1m1.5s'],
      [-5_000_000_000n, '-5s'],
    ];
    for (const [duration, text] of cases) assert.equal(formatDuration(duration), text);
  });
});

describe('file modes', () => {
  it("are Go's on the wire and the kernel's inside", () => {
    const cases: [number, number][] = [
      [0o100644, 0o644],
      [0o040755, 2147483648 + 0o755],
      [0o120777, 134217728 + 0o777],
      [0o104755, 0x800000 + 0o755],
      [0o041777, 2147483648 + 0x100000 + 0o777],
      [0o020666, 0x4200000 + 0o666],
    ];
    for (const [unix, go] of cases) {
      assert.equal(toGoFileMode(unix), go);
      assert.equal(fromGoFileMode(go), unix);
    }
    assert.ok(isGoDirectory(2147484141) && !isGoDirectory(0o755));
    assert.ok(isGoSymlink(134218239) && !isGoSymlink(2147484141));
  });
});

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

describe('ports', () => {
  it('read with and without protocol', () => {
    assert.deepEqual(parsePort('80'), { port: 80, protocol: 'tcp' });
    assert.deepEqual(parsePort('53/UDP'), { port: 53, protocol: 'udp' });
    for (const text of ['', 'x', '80-81', '70000', '80/foo', '1/tcp/x'])
      assert.throws(() => parsePort(text), text);
    assert.equal(parseHostPorts(''), undefined);
    assert.deepEqual(parseHostPorts('8000-8010'), { first: 8000, last: 8010 });
    assert.throws(() => parseHostPorts('9-8'), /invalid port specification: "9-8"/);
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
  it('are refused outside 1.24 to 1.57', () => {
    assert.match(
      unsupportedVersion('1.12') ?? '',
      /^client version 1\.12 is too old\. Minimum supported API version is 1\.24, /,
    );
    assert.match(
      unsupportedVersion('2') ?? '',
      /^client version 2 is too new\. Maximum supported API version is 1\.57$/,
    );
    assert.match(unsupportedVersion('1.57.1') ?? '', /too new/);
    for (const version of ['1.24', '1.45', '1.57']) assert.equal(unsupportedVersion(version), undefined);
    assert.ok(compareVersions('1.9', '1.24') < 0);
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
