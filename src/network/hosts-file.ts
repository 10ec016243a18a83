/** One line of /etc/hosts: an address and the names it is found by. */
export interface HostsEntry {
  readonly address: string;
  readonly names: readonly string[];
}

const STANDARD: readonly HostsEntry[] = [
  { address: '127.0.0.1', names: ['localhost'] },
  { address: '::1', names: ['localhost', 'ip6-localhost', 'ip6-loopback'] },
  { address: 'fe00::0', names: ['ip6-localnet'] },
  { address: 'ff00::0', names: ['ip6-mcastprefix'] },
  { address: 'ff02::1', names: ['ip6-allnodes'] },
  { address: 'ff02::2', names: ['ip6-allrouters'] },
];

export interface OwnHosts {
  /** The container's own address on each of its networks. */
  readonly addresses: readonly string[];
  readonly hostname: string;
  readonly domainname: string;
  /** Other containers that it is linked to. */
  readonly linkedHosts?: readonly HostsEntry[];
}

/** What a container's /etc/hosts is made of. */
export interface HostsFile extends OwnHosts {
  readonly extra: readonly HostsEntry[];
}

/** The whole file, as Docker writes it: the standard lines, then the extra hosts, then the container itself. */
export function renderHostsFile(file: HostsFile): string {
  return [...[...STANDARD, ...file.extra].map(hostsLine), ...ownHostsLines(file)]
    .map((line) => `${line}\n`)
    .join('');
}

/** The lines of the container itself and of those it is linked to. */
export function ownHostsLines({
  addresses,
  hostname,
  domainname,
  linkedHosts = [],
}: OwnHosts): readonly string[] {
  const names = namesOf(domainname === '' ? hostname : `${hostname}.${domainname}`);
  const own = addresses.map((address) => ({ address, names }));
  return [...linkedHosts, ...own].map(hostsLine);
}

/** The whole name, and its first label where there are more (hosts(5)). */
function namesOf(name: string): readonly string[] {
  const [label = '', ...others] = name.split('.');
  return others.length > 0 ? [name, label] : [name];
}

function hostsLine({ address, names }: HostsEntry): string {
  return `${address}\t${names.join(' ')}`;
}
