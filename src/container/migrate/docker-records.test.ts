import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { rewriteDockerRecords } from './docker-records.ts';

/** A record as the engine wrote it for `create busybox true`, with the changes of a test. */
function oldRecord(changes: {
  readonly config?: object;
  readonly hostConfig?: object;
  readonly endpoints?: object;
  readonly mounts?: readonly object[];
  readonly usesDefaultLog?: boolean;
}): object {
  return {
    id: 'f'.repeat(64),
    name: 'kept',
    createdAt: '2026-11-29T10:00:00.000000001Z',
    imageId: `sha256:${'a'.repeat(64)}`,
    config: {
      Hostname: 'ffffffffffff',
      Domainname: '',
      User: '',
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Env: null,
      Cmd: ['true'],
      Image: 'busybox',
      Volumes: null,
      WorkingDir: '',
      Entrypoint: null,
      OnBuild: null,
      Labels: {},
      ...changes.config,
    },
    hostConfig: {
      Binds: null,
      ContainerIDFile: '',
      LogConfig: { Type: 'local', Config: {} },
      NetworkMode: 'bridge',
      PortBindings: {},
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      AutoRemove: false,
      VolumeDriver: '',
      VolumesFrom: null,
      ConsoleSize: [0, 0],
      CapAdd: null,
      CapDrop: null,
      CgroupnsMode: 'private',
      Dns: null,
      DnsOptions: null,
      DnsSearch: null,
      ExtraHosts: null,
      GroupAdd: null,
      IpcMode: 'private',
      Cgroup: '',
      Links: null,
      OomScoreAdj: 0,
      PidMode: '',
      Privileged: false,
      PublishAllPorts: false,
      ReadonlyRootfs: false,
      SecurityOpt: null,
      UTSMode: '',
      UsernsMode: '',
      ShmSize: 67108864,
      Isolation: '',
      CpuShares: 0,
      Memory: 0,
      NanoCpus: 0,
      CgroupParent: '',
      BlkioWeight: 0,
      BlkioWeightDevice: null,
      BlkioDeviceReadBps: null,
      BlkioDeviceWriteBps: null,
      BlkioDeviceReadIOps: null,
      BlkioDeviceWriteIOps: null,
      CpuPeriod: 0,
      CpuQuota: 0,
      CpuRealtimePeriod: 0,
      CpuRealtimeRuntime: 0,
      CpusetCpus: '',
      CpusetMems: '',
      Devices: null,
      DeviceCgroupRules: null,
      DeviceRequests: null,
      MemoryReservation: 0,
      MemorySwap: 0,
      MemorySwappiness: null,
      OomKillDisable: false,
      PidsLimit: null,
      Ulimits: null,
      CpuCount: 0,
      CpuPercent: 0,
      IOMaximumIOps: 0,
      IOMaximumBandwidth: 0,
      MaskedPaths: ['/proc/kcore'],
      ReadonlyPaths: ['/proc/sys'],
      Runtime: 'crun',
      ...changes.hostConfig,
    },
    usesDefaultLog: changes.usesDefaultLog ?? true,
    endpoints: changes.endpoints ?? {},
    mounts: { mounts: changes.mounts ?? [] },
  };
}

interface Rewritten {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly requested: {
    readonly config: object;
    readonly hostConfig: object;
    readonly networkingConfig: object;
  };
}

function isRewritten(value: unknown): value is Rewritten & Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && 'spec' in value && 'requested' in value;
}

function rewritten(record: object): Rewritten & Readonly<Record<string, unknown>> {
  using database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE container_containers (sequence INTEGER PRIMARY KEY, definition TEXT NOT NULL)');
  const insert = database.prepare('INSERT INTO container_containers (definition) VALUES (?)');
  insert.run(JSON.stringify(record));
  rewriteDockerRecords(database);
  const row = database.prepare('SELECT definition FROM container_containers').get();
  const result: unknown = JSON.parse(String(row?.['definition']));
  assert.ok(isRewritten(result));
  return result;
}

function network(record: object): unknown {
  return rewritten(record).spec['network'];
}

test('a plain container', () => {
  const { spec, requested, ...rest } = rewritten(oldRecord({}));
  assert.deepEqual(rest, {
    id: 'f'.repeat(64),
    name: 'kept',
    createdAt: '2026-11-29T10:00:00.000000001Z',
    imageId: `sha256:${'a'.repeat(64)}`,
    mounts: { mounts: [] },
  });
  assert.deepEqual(spec, {
    image: 'busybox',
    labels: {},
    annotations: {},
    hostname: 'ffffffffffff',
    process: {
      command: ['true'],
      environment: [],
      groups: [],
      terminal: false,
      stdin: 'closed',
      init: false,
      ulimits: [],
      oomScoreAdjustment: 0,
    },
    root: { readOnly: false, storageOptions: {} },
    mounts: { mounts: [], from: [], anonymous: [] },
    limits: {},
    security: {
      privileged: false,
      addedCapabilities: [],
      droppedCapabilities: [],
      noNewPrivileges: false,
      seccomp: { kind: 'default' },
      maskedPaths: ['/proc/kcore'],
      readOnlyPaths: ['/proc/sys'],
    },
    namespaces: {
      pid: 'private',
      ipc: 'private',
      uts: 'private',
      cgroup: 'private',
      sharedMemoryBytes: 67108864,
      sysctls: {},
    },
    devices: { nodes: [], cgroupRules: [], requests: [] },
    network: {
      mode: {
        kind: 'attached',
        attachments: [{ network: 'bridge', aliases: [], linkLocalAddresses: [], driverOptions: {} }],
      },
      exposedPorts: [],
      ports: [],
      publishesAll: false,
      dnsServers: [],
      dnsSearch: [],
      dnsOptions: [],
      extraHosts: [],
    },
    log: { driver: 'local', options: {} },
    stop: {},
    restart: { kind: 'no' },
    removedOnExit: false,
    runtime: 'crun',
    imageDefaults: { onBuild: [] },
  });
  assert.partialDeepStrictEqual(requested, {
    config: { Cmd: ['true'], AttachStdout: true },
    hostConfig: { LogConfig: { Type: '', Config: {} }, NetworkMode: 'bridge', Runtime: 'crun' },
    networkingConfig: { EndpointsConfig: {} },
  });
});

test('a process with everything', () => {
  const { spec } = rewritten(
    oldRecord({
      config: {
        Entrypoint: ['sh', '-c'],
        Cmd: ['sleep 1'],
        Env: ['A=1', 'B'],
        User: 'app:staff',
        WorkingDir: '/srv',
        Domainname: 'example.com',
        Tty: true,
        OpenStdin: true,
        StdinOnce: true,
        StopSignal: 'SIGINT',
        StopTimeout: 0,
        Labels: { tier: 'front' },
        Healthcheck: { Test: ['CMD-SHELL', 'curl x'], Interval: 5e9, Retries: 3 },
        OnBuild: ['RUN x'],
        Shell: ['/bin/ash', '-c'],
      },
      hostConfig: {
        ConsoleSize: [24, 80],
        GroupAdd: ['55'],
        Init: true,
        OomScoreAdj: 100,
        Ulimits: [{ Name: 'nofile', Hard: 200, Soft: 100 }],
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 4 },
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
        AutoRemove: true,
        ReadonlyRootfs: true,
        Annotations: { a: 'b' },
      },
      usesDefaultLog: false,
    }),
  );
  assert.partialDeepStrictEqual(spec, {
    domainname: 'example.com',
    labels: { tier: 'front' },
    annotations: { a: 'b' },
    process: {
      entrypoint: ['sh', '-c'],
      command: ['sleep 1'],
      environment: ['A=1', 'B'],
      user: 'app:staff',
      workingDirectory: '/srv',
      groups: ['55'],
      terminal: true,
      terminalSize: { rows: 24, columns: 80 },
      stdin: 'once',
      init: true,
      ulimits: [{ name: 'nofile', soft: 100, hard: 200 }],
      oomScoreAdjustment: 100,
    },
    root: { readOnly: true },
    stop: { signal: 'SIGINT', timeoutSeconds: 0 },
    health: { probe: { kind: 'shell', words: ['curl x'] }, intervalNs: 5e9, retries: 3 },
    restart: { kind: 'on-failure', maximumRetries: 4 },
    log: { driver: 'json-file', options: { 'max-size': '1m' } },
    removedOnExit: true,
    imageDefaults: { onBuild: ['RUN x'], shell: ['/bin/ash', '-c'] },
  });
});

test('limits, security, namespaces and devices', () => {
  const { spec } = rewritten(
    oldRecord({
      hostConfig: {
        Memory: 64 << 20,
        MemorySwap: -1,
        MemoryReservation: 32 << 20,
        MemorySwappiness: 0,
        OomKillDisable: true,
        NanoCpus: 5e8,
        CpuShares: 512,
        CpusetCpus: '0-1',
        PidsLimit: 100,
        CgroupParent: '/mine',
        BlkioWeight: 300,
        BlkioWeightDevice: [{ Path: '/dev/sda', Weight: 20 }],
        BlkioDeviceWriteIOps: [{ Path: '/dev/sda', Rate: 7 }],
        Privileged: true,
        CapAdd: ['NET_ADMIN'],
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges', 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'],
        MaskedPaths: null,
        ReadonlyPaths: null,
        PidMode: 'host',
        IpcMode: 'container:abc',
        UTSMode: 'host',
        CgroupnsMode: 'host',
        UsernsMode: 'host',
        ShmSize: 1 << 20,
        Sysctls: { 'kernel.msgmax': '1' },
        Devices: [{ PathOnHost: '/dev/zero', PathInContainer: '', CgroupPermissions: '' }],
        DeviceCgroupRules: ['c 1:3 rwm'],
        DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }],
      },
    }),
  );
  const { limits, security, namespaces, devices } = spec;
  assert.deepEqual(limits, {
    memoryBytes: 64 << 20,
    memoryReservationBytes: 32 << 20,
    memorySwapBytes: -1,
    swappiness: 0,
    oomKillerDisabled: true,
    nanoCpus: 5e8,
    cpuShares: 512,
    cpus: '0-1',
    pids: 100,
    cgroupParent: '/mine',
    blockIoWeight: 300,
    blockIoDeviceWeights: [{ path: '/dev/sda', weight: 20 }],
    blockIoWritesPerSecond: [{ path: '/dev/sda', rate: 7 }],
  });
  assert.deepEqual(security, {
    privileged: true,
    addedCapabilities: ['NET_ADMIN'],
    droppedCapabilities: ['ALL'],
    noNewPrivileges: true,
    seccomp: { kind: 'profile', json: '{"defaultAction":"SCMP_ACT_ALLOW"}' },
  });
  assert.deepEqual(namespaces, {
    pid: 'host',
    ipc: { container: 'abc' },
    uts: 'host',
    cgroup: 'host',
    user: 'host',
    sharedMemoryBytes: 1 << 20,
    sysctls: { 'kernel.msgmax': '1' },
  });
  assert.deepEqual(devices, {
    nodes: [{ hostPath: '/dev/zero', path: '/dev/zero', access: 'rwm' }],
    cgroupRules: ['c 1:3 rwm'],
    requests: [{ driver: '', count: -1, ids: [], capabilities: [['gpu']], options: {} }],
  });
});

test('ports and networks', () => {
  const published = network(
    oldRecord({
      config: { ExposedPorts: { '80/tcp': {}, '53/udp': {} }, MacAddress: '02:42:ac:11:00:09' },
      hostConfig: {
        NetworkMode: 'default',
        PortBindings: {
          '80/tcp': [
            { HostIp: '127.0.0.1', HostPort: '8080' },
            { HostIp: '', HostPort: '' },
          ],
          '90/tcp': [{ HostIp: '', HostPort: '9000-9010' }],
          '53/udp': null,
        },
        PublishAllPorts: true,
        Dns: ['1.1.1.1'],
        ExtraHosts: ['db:10.0.0.1'],
      },
      endpoints: {
        default: {
          IPAMConfig: { IPv4Address: '172.17.0.9' },
          Aliases: ['web'],
          MacAddress: '',
          DriverOpts: { a: 'b' },
        },
      },
    }),
  );
  assert.partialDeepStrictEqual(published, {
    mode: { kind: 'attached' },
    exposedPorts: [
      { port: 80, protocol: 'tcp' },
      { port: 53, protocol: 'udp' },
    ],
    ports: [
      { port: 80, protocol: 'tcp', hostAddress: '127.0.0.1', hostPorts: { first: 8080, last: 8080 } },
      { port: 80, protocol: 'tcp', hostAddress: '' },
      { port: 90, protocol: 'tcp', hostAddress: '', hostPorts: { first: 9000, last: 9010 } },
    ],
    publishesAll: true,
    dnsServers: ['1.1.1.1'],
    extraHosts: ['db:10.0.0.1'],
    macAddress: '02:42:ac:11:00:09',
  });
  const asked = (NetworkMode: string, config = {}) =>
    network(oldRecord({ config, hostConfig: { NetworkMode } }));
  assert.partialDeepStrictEqual(asked('none'), { mode: { kind: 'none' } });
  assert.partialDeepStrictEqual(asked('host'), { mode: { kind: 'host' } });
  assert.partialDeepStrictEqual(asked('container:abc'), { mode: { kind: 'joined', container: 'abc' } });
  assert.partialDeepStrictEqual(asked('bridge', { NetworkDisabled: true }), { mode: { kind: 'none' } });
});

test('mounts stay as they were decided', () => {
  const bind = {
    type: 'bind',
    destination: '/b',
    source: '/srv',
    readonly: true,
    readonlyRecursive: true,
    recursive: true,
    propagation: 'rprivate',
    mode: 'ro',
    createSource: true,
  };
  const named = {
    type: 'volume',
    destination: '/v',
    name: 'data',
    driver: 'local',
    request: { name: 'data', driver: 'local', driverOptions: { o: '1' } },
    anonymous: false,
    readonly: false,
    mode: 'z',
    copyUp: false,
  };
  const anonymous = { ...named, destination: '/a', name: 'e'.repeat(64), anonymous: true };
  const tmpfs = { type: 'tmpfs', destination: '/t', readonly: false, options: ['noexec'], shown: false };
  const mounts = [bind, named, anonymous, tmpfs];
  const result = rewritten(
    oldRecord({ mounts, config: { Volumes: { '/a': {} } }, hostConfig: { Binds: ['/srv:/b:ro'] } }),
  );
  assert.deepEqual(result['mounts'], { mounts });
  assert.deepEqual(result.spec['mounts'], {
    mounts: [
      {
        type: 'bind',
        target: '/b',
        readOnly: true,
        source: '/srv',
        createsSource: true,
        recursive: true,
        recursiveReadOnly: true,
        propagation: 'rprivate',
        writtenOptions: 'ro',
      },
      {
        type: 'volume',
        target: '/v',
        readOnly: false,
        name: 'data',
        driver: 'local',
        driverOptions: { o: '1' },
        copyUp: false,
        writtenOptions: 'z',
      },
      { type: 'tmpfs', target: '/t', readOnly: false, options: ['noexec'], shown: false },
    ],
    from: [],
    anonymous: ['/a'],
  });
  assert.partialDeepStrictEqual(result.requested, { hostConfig: { Binds: ['/srv:/b:ro'] } });
});
