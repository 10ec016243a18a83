/**
 * Settings of dockerd that this engine does not have. Most are warned about, so that a configuration made for Docker
 * starts this engine as well; a setting is refused where the engine without it would let in what it keeps out, or would
 * be something else than it says.
 */
import type { Setting, SettingKind } from './daemon-settings.ts';

interface Missing {
  /** Comes after "has no effect", or "Cannot use --FLAG". */
  readonly why: string;
  readonly isRefused?: true;
  /** Values that ask for nothing, as JSON. */
  readonly harmless?: readonly string[];
}

/** Why a setting is not there, and which of its values ask for it. */
export type MissingSetting = Missing;

function missing(
  flag: string,
  kind: SettingKind,
  why: string,
  more: Partial<Setting> & Partial<Missing> = {},
): Setting {
  const { isRefused, harmless, ...setting } = more;
  const about = { why, ...(isRefused && { isRefused }), ...(harmless && { harmless }) };
  return { flag, kind, help: '', missing: about, ...setting };
}

const OFF = { harmless: ['false'] };
const NO_CONTAINERD = 'this engine works without containerd';
const NO_SWARM = 'this engine has no swarm';
const NO_PROXY = 'this engine reaches registries directly';
const OUTLIVES = 'containers outlive the engine in any case';

export const MISSING_SETTINGS: readonly Setting[] = [
  missing('add-runtime', 'object', 'this engine runs crun and runc alone', { key: 'runtimes' }),
  missing('allow-direct-routing', 'boolean', 'only published ports are reached from outside', OFF),
  missing('allow-nondistributable-artifacts', 'list', 'such layers are not pushed'),
  missing('api-cors-header', 'string', 'answers have no CORS headers'),
  missing('authorization-plugin', 'list', 'requests that a plugin refuses would be let in', {
    key: 'authorization-plugins',
    isRefused: true,
  }),
  missing('bip6', 'string', '--fixed-cidr-v6 gives the default bridge its IPv6 subnet'),
  missing('bridge-accept-fwmark', 'string', 'the firewall lets in published ports alone'),
  missing('cdi-spec-dir', 'list', 'this engine has no CDI devices yet', { key: 'cdi-spec-dirs' }),
  missing('containerd', 'string', NO_CONTAINERD),
  missing('containerd-namespace', 'string', NO_CONTAINERD),
  missing('containerd-plugins-namespace', 'string', NO_CONTAINERD, { key: 'containerd-plugin-namespace' }),
  missing('cri-containerd', 'boolean', NO_CONTAINERD, OFF),
  missing('cpu-rt-period', 'number', 'real-time processes of all containers cannot be limited together', {
    isRefused: true,
    harmless: ['0'],
  }),
  missing('cpu-rt-runtime', 'number', 'real-time processes of all containers cannot be limited together', {
    isRefused: true,
    harmless: ['0'],
  }),
  missing('default-gateway', 'string', 'containers leave by the address of their bridge', {
    isRefused: true,
  }),
  missing('default-gateway-v6', 'string', 'containers leave by the address of their bridge', {
    isRefused: true,
  }),
  missing('default-init', 'string', '--init-path names the init', { isFileOnly: true }),
  missing('deprecated-key-path', 'string', 'this engine has no such key', { isFileOnly: true }),
  missing('exec-opt', 'list', 'the engine manages control groups itself', {
    key: 'exec-opts',
    harmless: ['["native.cgroupdriver=cgroupfs"]'],
  }),
  missing('features', 'object', 'this engine has no such switches', {
    isFileOnly: true,
    harmless: ['{}', '{"buildkit":true}'],
  }),
  missing('firewall-backend', 'string', 'the engine speaks to nftables', { harmless: ['"nftables"'] }),
  missing('http-proxy', 'string', NO_PROXY),
  missing('https-proxy', 'string', NO_PROXY),
  missing('no-proxy', 'string', NO_PROXY),
  missing('proxies', 'object', NO_PROXY, { isFileOnly: true, harmless: ['{}'] }),
  missing('ip-forward-no-drop', 'boolean', 'the policy of forwarding is left as it is'),
  missing('ip6tables', 'boolean', '--iptables manages the firewall for both families', {
    harmless: ['true'],
  }),
  missing('live-restore', 'boolean', OUTLIVES, { harmless: ['true'] }),
  missing('max-download-attempts', 'number', 'the engine chooses how often it tries'),
  missing('metrics-addr', 'string', 'this engine has no metrics', { harmless: ['""'] }),
  missing('network-control-plane-mtu', 'number', NO_SWARM),
  missing('network-diagnostic-port', 'number', NO_SWARM, { harmless: ['0'] }),
  missing('node-generic-resource', 'list', NO_SWARM, { key: 'node-generic-resources' }),
  missing('raw-logs', 'boolean', 'the log is without colours', { harmless: ['true', 'false'] }),
  missing('resolv-conf', 'string', 'name servers are those of --dns, else of the host', { isFileOnly: true }),
  missing('rootless', 'boolean', 'this engine needs root', { isRefused: true, ...OFF }),
  missing('selinux-enabled', 'boolean', 'containers are not labelled for SELinux', OFF),
  missing('shutdown-timeout', 'number', OUTLIVES),
  missing('storage-driver', 'string', 'layers are kept as --layer-mode says', { short: 's' }),
  missing('storage-opt', 'list', 'layers are kept as --layer-mode says', { key: 'storage-opts' }),
  missing('swarm-default-advertise-addr', 'string', NO_SWARM, { harmless: ['""'] }),
  missing('swarm-raft-election-tick', 'number', NO_SWARM, { isFileOnly: true, harmless: ['0'] }),
  missing('swarm-raft-heartbeat-tick', 'number', NO_SWARM, { isFileOnly: true, harmless: ['0'] }),
  missing('userland-proxy-path', 'string', 'the engine itself serves published ports on ::1'),
  missing('userns-remap', 'string', 'user namespaces are not supported yet', {
    isRefused: true,
    harmless: ['""'],
  }),
];
