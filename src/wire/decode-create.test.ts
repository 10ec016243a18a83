import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EngineError } from '#base/errors.ts';
import { decodeCreateRequest } from './decode-create.ts';
import { DEFAULT_MASKED_PATHS } from '#oci/protected-paths.ts';

const host = (value: object) => ({ Image: 'a', HostConfig: value });
const decode = (body: object) => decodeCreateRequest(JSON.stringify(body));

function rejects(body: object | string, message: string): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  assert.throws(
    () => decodeCreateRequest(text),
    (error) => error instanceof EngineError && error.code === 'invalid' && error.message === message,
    message,
  );
}

describe('decodeCreateRequest', () => {
  it('completes what a client left out, as Docker shows it afterwards', () => {
    const { config, hostConfig, networkingConfig } = decode({ Image: 'bb', Cmd: 'true' });
    assert.deepEqual(config, {
      Hostname: '',
      Domainname: '',
      User: '',
      AttachStdin: false,
      AttachStdout: false,
      AttachStderr: false,
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Env: null,
      Cmd: ['true'],
      Image: 'bb',
      Volumes: null,
      WorkingDir: '',
      Entrypoint: null,
      OnBuild: null,
      Labels: {},
    });
    assert.equal(hostConfig.NetworkMode, 'bridge');
    assert.deepEqual(hostConfig.RestartPolicy, { Name: 'no', MaximumRetryCount: 0 });
    assert.equal(hostConfig.IpcMode, '');
    assert.equal(hostConfig.ShmSize, 67108864);
    assert.equal(hostConfig.MaskedPaths, DEFAULT_MASKED_PATHS);
    assert.deepEqual(hostConfig.LogConfig, { Type: '', Config: {} });
    assert.deepEqual(hostConfig.ConsoleSize, [0, 0]);
    assert.equal('Mounts' in hostConfig, false);
    assert.equal('Init' in hostConfig, false);
    assert.deepEqual(networkingConfig, { EndpointsConfig: null });
  });

  it('reads what the docker CLI sends', () => {
    const { hostConfig, networkingConfig } = decode({
      Image: 'bb',
      HostConfig: {
        NetworkMode: 'default',
        MemorySwappiness: -1,
        PidsLimit: 0,
        Memory: 67108864,
        Privileged: true,
      },
      NetworkingConfig: { EndpointsConfig: { default: { Aliases: ['a'] }, other: null } },
    });
    assert.equal(hostConfig.MemorySwappiness, null);
    assert.equal(hostConfig.PidsLimit, null);
    assert.equal(hostConfig.OomKillDisable, false);
    assert.equal(hostConfig.MemorySwap, 134217728);
    assert.equal(hostConfig.MaskedPaths, null);
    assert.deepEqual(Object.keys(networkingConfig.EndpointsConfig ?? {}), ['bridge', 'other']);
    assert.deepEqual(networkingConfig.EndpointsConfig?.['bridge']?.Aliases, ['a']);
    assert.equal(networkingConfig.EndpointsConfig?.['other']?.IPPrefixLen, 0);
  });

  it('matches keys in any case, and the last of two', () => {
    const { config } = decodeCreateRequest(
      '{"image":"a","IMAGE":"b","cMD":["x"],"hostConfig":{"AUTOREMOVE":true}}',
    );
    assert.equal(config.Image, 'b');
    assert.deepEqual(config.Cmd, ['x']);
  });

  it('keeps hostile keys as data', () => {
    const { config } = decodeCreateRequest(
      '{"Image":"a","Labels":{"__proto__":"x"},"__proto__":{"User":"root"}}',
    );
    assert.deepEqual(Object.entries(config.Labels ?? {}), [['__proto__', 'x']]);
    assert.equal(config.User, '');
  });

  it('names ports in full', () => {
    const { config, hostConfig } = decode({
      Image: 'a',
      ExposedPorts: { '80': {}, '90-91/UDP': {} },
      HostConfig: { PortBindings: { '80': [{ HostPort: '8000-8010' }], '53/udp': null } },
    });
    assert.deepEqual(Object.keys(config.ExposedPorts ?? {}), ['80/tcp', '90/udp', '91/udp']);
    assert.deepEqual(hostConfig.PortBindings, {
      '80/tcp': [{ HostIp: '', HostPort: '8000-8010' }],
      '53/udp': null,
    });
  });

  it('keeps mounts with what was asked of them', () => {
    const mounts = [
      { Type: 'bind', Source: '/a', Target: '/b', BindOptions: { Propagation: 'rslave' } },
      { Type: 'volume', Target: '/v', VolumeOptions: {}, ReadOnly: true },
      { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 4096, Mode: 511 } },
    ];
    const { hostConfig } = decode({ Image: 'a', HostConfig: { Mounts: mounts, Init: false } });
    assert.deepEqual(hostConfig.Mounts, mounts);
    assert.equal(hostConfig.Init, false);
  });

  it("words what is malformed as Go's decoder does", () => {
    rejects('', 'invalid JSON: got EOF while reading request body');
    rejects('{', 'invalid JSON: unexpected EOF');
    rejects('{"Image":"bb",', 'invalid JSON: unexpected EOF');
    rejects('{"Image":"b', 'invalid JSON: unexpected EOF');
    rejects('{"Image":"bb"]', "invalid JSON: invalid character ']' after object key:value pair");
    rejects('xx', "invalid JSON: invalid character 'x' looking for beginning of value");
    rejects('{"Image":"b\nb"}', "invalid JSON: invalid character '\\n' in string literal");
    rejects('{"Image":"bb"} trailing', 'unexpected content after JSON');
    rejects('null', 'config cannot be empty in order to create a container');
    rejects('{}', 'config cannot be empty in order to create a container');
    rejects({ HostConfig: {} }, 'config cannot be empty in order to create a container');
  });

  it('says which field has the wrong type', () => {
    const go = 'invalid JSON: json: cannot unmarshal';
    const config = `${go} %s into Go struct field ContainerConfigWrapper.Config`;
    rejects({ Image: 3 }, `${config.replace('%s', 'number')}.Image of type string`);
    rejects({ Env: 'A' }, `${config.replace('%s', 'string')}.Env of type []string`);
    rejects({ Env: [1] }, `${config.replace('%s', 'number')}.Env of type string`);
    rejects({ Tty: 1 }, `${config.replace('%s', 'number')}.Tty of type bool`);
    rejects({ Cmd: [5] }, `${config.replace('%s', 'array')}.Cmd of type string`);
    rejects({ Labels: ['x'] }, `${config.replace('%s', 'array')}.Labels of type map[string]string`);
    rejects(
      host({ Memory: 1.5 }),
      `${go} number 1.5 into Go struct field HostConfig.HostConfig.Memory of type int64`,
    );
    rejects(
      host({ ConsoleSize: [-1, 2] }),
      `${go} number -1 into Go struct field HostConfig.HostConfig.ConsoleSize of type uint`,
    );
    rejects(
      host([]),
      `${go} array into Go struct field ContainerConfigWrapper.HostConfig of type HostConfig`,
    );
  });

  it('refuses what contradicts itself', () => {
    rejects(
      host({ RestartPolicy: { Name: 'foo' } }),
      "invalid restart policy: unknown policy 'foo'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
    );
    rejects(
      host({ RestartPolicy: { Name: 'always', MaximumRetryCount: 2 } }),
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    );
    rejects(
      host({ AutoRemove: true, RestartPolicy: { Name: 'always' } }),
      "can't create 'AutoRemove' container with restart policy",
    );
    rejects(host({ IpcMode: 'foo' }), 'invalid IPC mode: foo');
    rejects(host({ CgroupnsMode: 'foo' }), 'invalid cgroup namespace mode: foo');
    rejects(host({ PortBindings: { x: [] } }), 'invalid port specification: "x"');
    rejects(
      host({ PortBindings: { '80/tcp': [{ HostPort: '99999' }] } }),
      'invalid port specification: "99999"',
    );
    rejects(host({ ExtraHosts: ['foo'] }), 'bad format for add-host: "foo"');
    rejects({ WorkingDir: 'rel' }, "the working directory 'rel' is invalid, it needs to be an absolute path");
    rejects({ Env: ['=x'] }, 'invalid environment variable: =x');
    rejects({ Cmd: ['a\0b'] }, 'invalid command: contains a NUL byte');
    rejects({ Healthcheck: { Interval: 5 } }, 'Interval in Healthcheck cannot be less than 1ms');
  });
});
