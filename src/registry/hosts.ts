/** What is known of registry hosts: their connections, certificates, and whether they speak TLS. */
import { BlockList, isIP } from 'node:net';
import { SharedWork } from '#base/shared-work.ts';
import { readHostCertificates } from './host-certificates.ts';
import { HttpClient, type HttpTimeouts, isCertificateRefused, isNobodyThere } from './http-client.ts';
import { isLoopbackHost } from './loopback.ts';

export interface HostsOptions {
  /** Hosts with ports, names without, and networks (`10.0.0.0/8`) that may speak http, or show any certificate. */
  readonly insecureRegistries: readonly string[];
  /** Every host is insecure. */
  readonly isEverythingInsecure?: boolean;
  readonly certificateDirectories: readonly string[];
  readonly timeouts: HttpTimeouts;
}

interface KnownClient {
  readonly client: HttpClient;
  readonly material: string;
}

export class Hosts implements Disposable {
  readonly #options: HostsOptions;
  readonly #clients = new Map<string, KnownClient>();
  readonly #plain = new Map<string, boolean>();
  readonly #probes = new SharedWork<string, boolean>();
  readonly #networks = new BlockList();

  constructor(options: HostsOptions) {
    this.#options = options;
    for (const text of options.insecureRegistries) {
      const [address = '', prefix] = text.split('/');
      const family = isIP(address);
      if (family > 0 && prefix !== undefined)
        this.#networks.addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
    }
  }

  /** @param host with port, as in URLs */
  isInsecure(host: string): boolean {
    if (this.#options.isEverythingInsecure) return true;
    const { hostname } = new URL(`http://${host}`);
    if (isLoopbackHost(hostname)) return true;
    const name = hostname.replace(/^\[|\]$/g, '');
    const family = isIP(name);
    if (family > 0 && this.#networks.check(name, family === 6 ? 'ipv6' : 'ipv4')) return true;
    return this.#options.insecureRegistries.some((text) => text === host || text === name);
  }

  /** `https:`; `http:` for an insecure host that does not answer in TLS. */
  async schemeOf(host: string, signal: AbortSignal | undefined): Promise<'http:' | 'https:'> {
    if (!this.isInsecure(host)) return 'https:';
    const known = this.#plain.get(host);
    if (known !== undefined) return known ? 'http:' : 'https:';
    const isPlain = await this.#probes.do(host, () => this.#isPlain(host));
    signal?.throwIfAborted();
    return isPlain ? 'http:' : 'https:';
  }

  /** Another server may listen there by now. */
  forgetScheme(host: string): void {
    this.#plain.delete(host);
  }

  /** Certificates are read again each time, as operators change them while the daemon runs. */
  clientFor(host: string): HttpClient {
    const tls = readHostCertificates(host, this.#options.certificateDirectories);
    const material = JSON.stringify(tls);
    const known = this.#clients.get(host);
    if (known?.material === material) return known.client;
    const isInsecure = this.isInsecure(host) && !tls.ca;
    const client = new HttpClient({ host, tls, isInsecure, timeouts: this.#options.timeouts });
    this.#clients.set(host, { client, material });
    return client;
  }

  [Symbol.dispose](): void {
    for (const { client } of this.#clients.values()) client[Symbol.dispose]();
    this.#clients.clear();
  }

  async #isPlain(host: string): Promise<boolean> {
    try {
      const { body } = await this.clientFor(host).send({
        method: 'GET',
        url: new URL(`https://${host}/v2/`),
      });
      body.resume();
      this.#plain.set(host, false);
      return false;
    } catch (error) {
      const isPlain = !isCertificateRefused(error);
      // What does not listen yet may listen in TLS later.
      if (!isNobodyThere(error)) this.#plain.set(host, isPlain);
      return isPlain;
    }
  }
}
