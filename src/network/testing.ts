/* For tests only: a host of its own to build networks on, and neighbours for it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { parsePort } from '#base/ports.ts';
import {
  createNetworkNamespace,
  inNetworkNamespace,
  openNamespace,
  removeNetworkNamespace,
} from '#linux/namespaces.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { addAddress, replaceRoute, createVeth, deleteLink, setLinkUp } from '#linux/rtnetlink-messages.ts';
import { ownFd } from '#linux/descriptors.ts';
import { SqliteMetadata } from '#store/sqlite-metadata.ts';
import { attachTo } from './attachment.ts';
import { createNetworks } from './create-networks.ts';
import { networkMigrations } from './network-table.ts';
import type {
  Networks,
  NetworksEnvironment,
  NetworksOptions,
  NetworkSpec,
  SandboxRecord,
  SandboxRequest,
} from './network.ts';
import type { PortRequest } from './port-spec.ts';
import type { PeerCommand, PeerResult } from './testing-peer.ts';

const MARKER = 'CAISSON_TEST_HOST';

/** An answer would have come by then, unless the machine is very busy; then a mistake may not be seen. */
const SILENCE_MS = 700;

/**
 * True inside of a process with network and mount namespaces of its own, as if the machine had just been switched
 * on. Outside, it registers one test that runs `file` in such a process. So the real host's links, rules and
 * settings are never touched, and nothing of a failed test survives it.
 */
export function onPrivateHost(file: string): boolean {
  if (process.env[MARKER] === file) {
    using route = RouteSocket.open();
    route.request(setLinkUp('lo'));
    return true;
  }
  void test(`on a private host: ${file.split('/').at(-1)}`, async () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn('unshare', ['--net', '--mount', process.execPath, file], {
      env: { ...env, [MARKER]: file },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += String(chunk)));
    const [code] = await once(child, 'close');
    assert.equal(code, 0, output);
  });
  return false;
}

/** A program in a network namespace that does what it is told. */
export class Peer implements Disposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (result: PeerResult) => void>();
  #sequence = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', ({ id, result }: { id: number; result: PeerResult }) => {
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
  }

  /** A peer without a path is in the test's own namespace, which stands for the host. */
  static async start(name: string, namespacePath?: string): Promise<Peer> {
    const program = [process.execPath, join(import.meta.dirname, 'testing-peer.ts'), name];
    const enter = namespacePath === undefined ? [] : ['nsenter', `--net=${namespacePath}`];
    const [command = '', ...args] = [...enter, ...program];
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const peer = new Peer(child);
    await once(child, 'message');
    return peer;
  }

  async do(command: PeerCommand): Promise<PeerResult> {
    const id = ++this.#sequence;
    const { promise, resolve } = Promise.withResolvers<PeerResult>();
    this.#waiting.set(id, resolve);
    this.#child.send({ id, command });
    return promise;
  }

  listen(port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<PeerResult> {
    return this.do({ do: 'listen', protocol, port });
  }

  ask(host: string, port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<PeerResult> {
    return this.do({ do: 'ask', protocol, host, port });
  }

  /** Where no answer is expected. */
  askInVain(host: string, port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<PeerResult> {
    return this.do({ do: 'ask', protocol, host, port, patienceMs: SILENCE_MS });
  }

  resolve(name: string, type: 'A' | 'AAAA' | 'PTR' | 'TXT' = 'A'): Promise<PeerResult> {
    return this.do({ do: 'resolve', name, type });
  }

  [Symbol.dispose](): void {
    this.#child.disconnect();
  }
}

/**
 * Another machine on the same wire as the host: 198.51.100.2 and 2001:db8::2, where the host is 198.51.100.1 and
 * 2001:db8::1.
 */
export function connectOutside(directory: string): { readonly path: string } & Disposable {
  const path = join(directory, 'outside');
  createNetworkNamespace(path);
  using host = RouteSocket.open();
  using namespace = ownFd(openNamespace(path));
  host.request(createVeth({ name: 'out0', peerName: 'eth0', peerNamespaceFd: namespace.fd, up: true }));
  const index = host.linkIndex('out0');
  host.request(addAddress({ index, address: '198.51.100.1', prefixLength: 24 }));
  host.request(addAddress({ index, address: '2001:db8::1', prefixLength: 64 }));
  inNetworkNamespace(path, () => {
    using inside = RouteSocket.open();
    const index = inside.linkIndex('eth0');
    inside.request(
      setLinkUp(1),
      addAddress({ index, address: '198.51.100.2', prefixLength: 24 }),
      addAddress({ index, address: '2001:db8::2', prefixLength: 64 }),
      setLinkUp(index),
    );
    // It would even know the way to the containers.
    inside.request(
      replaceRoute({
        index,
        destination: { address: '172.16.0.0', prefixLength: 12 },
        gateway: '198.51.100.1',
      }),
    );
  });
  return {
    path,
    [Symbol.dispose]: () => {
      using route = RouteSocket.open();
      route.request(deleteLink('out0'));
      removeNetworkNamespace(path);
    },
  };
}

export function temporaryDirectory(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'caisson-network-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export const BRIDGE = 'cntest0';
export const TABLE = 'caisson_test';

type TestOptions = Partial<NetworksOptions & NetworksEnvironment> & { readonly anyAddress?: boolean };

/** An engine's networks with names and, unless `anyAddress`, addresses of their own; their records are beside them. */
export async function startNetworks(
  runDirectory: string,
  { anyAddress, ...options }: TestOptions = {},
): Promise<Networks> {
  using undo = new DisposableStack();
  const metadata = undo.use(new SqliteMetadata(join(runDirectory, 'root'), [networkMigrations]));
  const networks = await createNetworks({
    metadata,
    runDirectory,
    bridgeName: BRIDGE,
    tableName: TABLE,
    ...(!anyAddress && { bridgeAddress: '172.30.0.1/24' }),
    poolSize: 0,
    iptables: true,
    userlandProxy: true,
    ipv6: false,
    icc: true,
    hasDefaultBridge: true,
    masquerades: true,
    forwards: true,
    defaultBindAddress: '',
    dns: ['127.0.0.1'],
    dnsSearch: [],
    dnsOptions: [],
    emit: () => {},
    logger: silentLogger,
    restore: [],
    ...options,
  });
  const dispose = networks[Symbol.asyncDispose].bind(networks);
  const held = undo.move();
  return Object.assign(networks, {
    [Symbol.asyncDispose]: async () => {
      await dispose();
      held.dispose();
    },
  });
}

export function requestFor(name: string, options: Partial<SandboxRequest> = {}): SandboxRequest {
  const id = Buffer.from(name).toString('hex').padEnd(64, '0');
  return {
    id,
    name,
    hostname: id.slice(0, 12),
    domainname: '',
    attachments: [attachTo('bridge')],
    ports: [],
    dnsServers: [],
    dnsSearch: [],
    dnsOptions: [],
    extraHosts: [],
    sysctls: {},
    ...options,
  };
}

/** A bridge that leaves everything to the engine. */
export function newNetwork(name: string): NetworkSpec {
  const plain = { isInternal: false, isAttachable: false, labels: {}, askedOptions: {} };
  return { name, driver: { kind: 'bridge' }, pools: [], ...plain };
}

/** Attachments to networks that leave everything to them. */
export function on(...networks: readonly string[]): Pick<SandboxRequest, 'attachments'> {
  return { attachments: networks.map(attachTo) };
}

/** A request for `port/protocol`, on a port of the host. */
export function port(
  name: string,
  hostPort?: number | readonly [number, number],
  hostAddress = '',
): PortRequest {
  const [first, last] = typeof hostPort === 'number' ? [hostPort, hostPort] : (hostPort ?? []);
  const hostPorts = first === undefined || last === undefined ? {} : { hostPorts: { first, last } };
  return { ...parsePort(name), hostAddress, ...hostPorts };
}

/** The IPv4 address of a sandbox on a network. */
export function addressOn({ endpoints }: SandboxRecord, network = 'bridge'): string {
  const endpoint = endpoints.find(({ networkName }) => networkName === network);
  assert.ok(endpoint, `not on ${network}`);
  return endpoint.addresses[0]?.address ?? '';
}

/** Links but for those that every namespace of this kernel has. */
export function linkNames(): readonly string[] {
  using route = RouteSocket.open();
  return route
    .listLinks()
    .filter(({ name, kind }) => name !== 'lo' && kind !== undefined && kind !== 'ifb')
    .map(({ name }) => name);
}
