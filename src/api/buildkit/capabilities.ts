/**
 * What clients may ask of the frontend and of a build: BuildKit's names (`frontend/gateway/pb/caps.go`,
 * `solver/pb/caps.go`).
 */
interface Capability {
  readonly ID: string;
  readonly Enabled: boolean;
}

/** A client waits for ever without `return`; `proto.refarray` gives results the newer form. */
export const FRONTEND_CAPABILITIES: readonly Capability[] = enabled([
  'solve.base',
  'solve.inlinereturn',
  'resolveimage',
  'resolveimage.resolvemode',
  'source.metaresolver',
  'readfile',
  'readdir',
  'statfile',
  'return',
  'returnmap',
  'importcaches',
  'proto.refarray',
  'reference.output',
  'frontend.caps',
  'frontend.inputs',
  'gateway.solve.metadata',
  'gateway.solve.evaluate',
  'gateway.evaluate',
  'gateway.warnings',
]);

export const GRAPH_CAPABILITIES: readonly Capability[] = enabled([
  'source.image',
  'source.image.resolvemode',
  'source.local',
  'source.local.unique',
  'source.local.sessionid',
  'source.local.includepatterns',
  'source.local.followpaths',
  'source.local.excludepatterns',
  'source.local.sharedkeyhint',
  'source.image.layerlimit',
  'source.git',
  'source.git.keepgitdir',
  'source.git.fullurl',
  'source.git.subdir',
  'source.git.httpauth',
  'source.git.knownsshhosts',
  'source.git.mountsshsock',
  'source.http',
  'source.http.checksum',
  'source.http.perm',
  'soruce.http.uidgid',
  'source.ocilayout',
  'exec.meta.base',
  'exec.meta.network',
  'exec.meta.cgroup.parent',
  'exec.meta.ulimit',
  'exec.meta.proxyenv',
  'exec.meta.setsdefaultpath',
  'exec.meta.security',
  'exec.mount.bind',
  'exec.mount.bind.readwrite-nooutput',
  'exec.mount.selector',
  'exec.mount.cache',
  'exec.mount.cache.sharing',
  'exec.mount.tmpfs',
  'exec.mount.tmpfs.size',
  'exec.mount.secret',
  'exec.mount.ssh',
  'exec.secretenv',
  'file.base',
  'file.rm.wildcard',
  'file.rm.nofollowsymlink',
  'file.copy.includeexcludepatterns',
  'mergeop',
  'diffop',
  'constraints',
  'platform',
  'meta.ignorecache',
  'meta.description',
  'exporter.image.annotations',
  'exporter.image.attestations',
  'exporter.multiple',
  'exporter.sourcedateepoch',
  // Clients leave out caches of which a builder knows nothing: it knows enough to say what to use instead.
  'cache.gha',
  'cache.s3',
]);

function enabled(names: readonly string[]): readonly Capability[] {
  return names.map((ID) => ({ ID, Enabled: true }));
}
