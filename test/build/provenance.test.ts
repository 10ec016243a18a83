/**
 * Provenance, field by field as BuildKit writes it. With `CAISSON_PEERS=check`, Debian's dockerd is asked as well; with
 * `CAISSON_PEERS=write`, what it answers becomes what is expected, to be reviewed.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import type { Subject } from '../support/subject.ts';

const peers = process.env['CAISSON_PEERS'] ?? '';
const fixture = new URL('../fixtures/provenance/dockerd.json', import.meta.url);
const expected: Record<string, unknown> = JSON.parse(readFileSync(fixture, 'utf8'));

const servers = new AsyncDisposableStack();
const subjects = new Map<string, Subject>();
const scratch = mkdtempSync('/tmp/caisson-provenance-');
const context = mkdtempSync(join(scratch, 'context-'));

const DOCKERFILE = `# a comment
FROM bb AS tools
ARG TOKEN
COPY a /a
RUN --mount=type=secret,id=key,required=true --mount=type=secret,id=other --mount=type=tmpfs,target=/t true
FROM scratch
LABEL x=y
COPY --from=tools /a /b
WORKDIR /work
COPY --chown=1:2 --chmod=600 a /c/
COPY --from=more a /d
COPY --link a /e
`;

before(async () => {
  writeFileSync(join(context, 'Dockerfile'), DOCKERFILE);
  writeFileSync(join(context, 'a'), 'a');
  // Attestations need its other store.
  const settings = { features: { 'containerd-snapshotter': true } };
  if (peers !== '') subjects.set('dockerd', servers.use(await DockerDaemon.start(settings)));
  if (peers !== 'write') subjects.set('ours', servers.use(await TestDaemon.start()));
  for (const subject of subjects.values()) await importBusybox(subject);
});

after(async () => {
  await servers.disposeAsync();
  rmSync(scratch, { recursive: true, force: true });
  if (peers === 'write') writeFileSync(fixture, `${JSON.stringify(expected, undefined, 2)}\n`);
});

async function provenanceOf(subject: Subject, flags: readonly string[]): Promise<unknown> {
  const out = mkdtempSync(join(scratch, 'out-'));
  const own = ['--secret', 'id=key,src=/etc/hostname', '--build-context', `more=${context}`, '-o', out];
  await dockerOk(subject, ['buildx', 'build', '--network', 'none', ...own, ...flags, context]);
  const [name = ''] = flags.flatMap((flag) => /filename=([^,]*)/.exec(flag)?.[1] ?? []);
  return comparable(JSON.parse(readFileSync(join(out, name || 'provenance.json'), 'utf8')));
}

/** BuildKit's alone: by what it caches, how it asks for files, what its definitions are called, and how it packs. */
const INTERNAL: ReadonlySet<string> = new Set([
  'digestMapping',
  'layers',
  'attrs',
  'removeMountStubsRecursive',
  'frontend.caps',
]);

/** The value without what no two builds have in common. */
function comparable(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => comparable(item));
  if (typeof value === 'string') return comparableText(value, key);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(
      ([name]) => !INTERNAL.has(name) && !(key === '' && name === 'llbDefinition' && 'filename' in value),
    )
    .map(([name, field]) => [name, comparable(field, name)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function comparableText(text: string, key: string): string {
  if (key === 'buildInvocationID') return 'an id';
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return 'a time';
  if (key === 'platform') return text.replace(/\/.*/, '/this');
  return text.replaceAll(/[0-9a-f]{64}/g, 'a digest').replace(/(platform=linux%2F)\w+/, '$1this');
}

const cases: Readonly<Record<string, readonly string[]>> = {
  min: [
    '--provenance=mode=min,builder-id=https://example.org/b',
    '--build-arg',
    'TOKEN=told',
    '--label',
    'l=v',
  ],
  'min without secrets of its own': ['--provenance=mode=min,reproducible=true', '--target', 'tools'],
  max: [
    '--attest=type=provenance,filename=own.json',
    '--no-cache',
    '--build-arg=TOKEN=told',
    '--label=l=v',
    '--add-host=h:10.0.0.1',
    '--shm-size=100m',
    '--ulimit=nofile=100:200',
  ],
};

for (const [name, flags] of Object.entries(cases))
  test(`provenance: ${name}`, async () => {
    for (const [who, subject] of subjects) {
      const found = await provenanceOf(subject, flags);
      if (peers === 'write') expected[name] = found;
      else assert.deepEqual(found, expected[name], `${who} says something else`);
    }
  });
