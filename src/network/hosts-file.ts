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

/** What a container's /etc/hosts is made of. */
export interface HostsFile {
  readonly extra: readonly HostsEntry[];
  /** The container's own address on each of its networks. */
  readonly addresses: readonly string[];
  readonly hostname: string;
  readonly domainname: string;
}

/** The whole file, as Docker writes it: the standard lines, then the extra hosts, then the container itself. */
export function renderHostsFile(file: HostsFile): string {
  const names =
    file.domainname === '' ? [file.hostname] : [`${file.hostname}.${file.domainname}`, file.hostname];
  const own = file.addresses.map((address) => ({ address, names }));
  return [...STANDARD, ...file.extra, ...own]
    .map(({ address, names }) => `${address}\t${names.join(' ')}\n`)
    .join('');
}
