import { readFileSync, statSync } from 'node:fs';
import { parseResolvConf, type ResolverSettings } from './resolv-conf.ts';

/**
 * resolv.conf(5): "If no nameserver entries are present, the default is to use the name server on the local machine".
 */
const LOCAL: readonly string[] = ['127.0.0.1'];

/** The host's resolver configuration, read again whenever the file has changed. */
export class HostResolver {
  readonly #path: string;
  #stamp = '';
  #text = '';
  #settings: ResolverSettings = { nameservers: LOCAL, search: [], options: [] };

  constructor(path = '/etc/resolv.conf') {
    this.#path = path;
  }

  get settings(): ResolverSettings {
    this.#refresh();
    return this.#settings;
  }

  /** The file as it is. */
  get text(): string {
    this.#refresh();
    return this.#text;
  }

  #refresh(): void {
    const stats = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    const stamp = stats ? `${stats.dev} ${stats.ino} ${stats.mtimeNs} ${stats.size}` : 'none';
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.#text = stats ? readFileSync(this.#path, 'utf8') : '';
    const settings = parseResolvConf(this.#text);
    this.#settings = settings.nameservers.length > 0 ? settings : { ...settings, nameservers: LOCAL };
  }
}
