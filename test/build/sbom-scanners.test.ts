/**
 * Lists of packages by scanners that are images: BuildKit's protocol, through buildx and `caisson build`;
 * `CAISSON_PEERS=check`: dockerd serves buildx as well.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BuildkitClient } from '../support/buildkit-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import type { Subject } from '../support/subject.ts';
import { docker, dockerOk, importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { peers } from './graphs.ts';

const withRegistry = { skip: DebianRegistry.isInstalled ? false : 'docker-registry is not installed' };

let engine: TestDaemon;
const servers = new AsyncDisposableStack();
/** The engine that buildx builds with. */
const subjects: Subject[] = [];
const scratch = mkdtempSync('/tmp/caisson-scanners-');
const context = join(scratch, 'context');

before(async () => {
  const scanner = join(scratch, 'scanner');
  mkdirSync(scanner);
  mkdirSync(context);
  copyFileSync(join(import.meta.dirname, '../fixtures/sbom-scanner.sh'), join(scanner, 'scan'));
  writeFileSync(
    join(scanner, 'Dockerfile'),
    'FROM bb\nCOPY --chmod=755 scan /scan\nWORKDIR /work\nUSER 1000\nENV GREETING=hello\nENTRYPOINT ["/scan"]\n',
  );
  writeFileSync(
    join(context, 'Dockerfile'),
    `ARG BUILDKIT_SBOM_SCAN_STAGE
FROM bb AS tools
COPY tool.package /
FROM tools AS unseen
ARG BUILDKIT_SBOM_SCAN_STAGE=false
RUN true
FROM scratch
ARG BUILDKIT_SBOM_SCAN_CONTEXT=false
COPY --from=tools /tool.package /
COPY --from=unseen /bin/true /true
COPY app.package /
`,
  );
  writeFileSync(join(context, 'app.package'), 'app');
  writeFileSync(join(context, 'tool.package'), 'tool');
  engine = servers.use(await TestDaemon.start());
  subjects.push(engine);
  // Only with this store Docker attaches anything.
  const store = { features: { 'containerd-snapshotter': true } };
  if (peers !== '') subjects.push(servers.use(await DockerDaemon.start(store, { network: 'own' })));
  for (const subject of subjects) {
    await importBusybox(subject);
    await dockerOk(subject, ['buildx', 'build', '-q', '--load', '-t', 'scanner', scanner]);
  }
  await dockerOk(engine, ['buildx', 'build', '-q', '-t', 'idle', '-'], { input: 'FROM scratch\nENV A=b\n' });
});

after(async () => {
  await servers.disposeAsync();
  rmSync(scratch, { recursive: true, force: true });
});

const program = join(import.meta.dirname, '../../src/main/caisson.ts');
const caisson = (...args: readonly string[]) =>
  runProgram(process.execPath, [program, '-H', engine.host, 'build', ...args, context]);
const buildx = (...args: readonly string[]) => buildxOf(engine, ...args, context);
const buildxOf = (subject: Subject, ...args: readonly string[]) =>
  docker(subject, ['buildx', 'build', '--progress=plain', ...args], { timeoutMs: 60_000 });

interface Statement {
  readonly subject: readonly { readonly name: string; readonly digest: Readonly<Record<string, string>> }[];
  readonly predicate: { readonly packages: readonly { readonly name: string }[] };
}

const statementIn = (directory: string, name: string): Statement =>
  JSON.parse(readFileSync(join(directory, name), 'utf8'));
const packagesIn = (directory: string, name: string) =>
  statementIn(directory, name).predicate.packages.map((each) => each.name);

function succeeded(outcome: Outcome): Outcome {
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome;
}

test('buildx: confined, with its output shown, its result cached, its subjects filled in', async () => {
  const first = mkdtempSync(join(scratch, 'out-'));
  const { stderr } = succeeded(await buildx('--sbom=generator=scanner', '-o', first));
  assert.match(stderr, /^#\d+ \[linux\/\w+\] generating sbom using docker\.io\/library\/scanner:latest$/m);
  assert.match(stderr, /^#\d+ [0-9.]+ scanning as 0 in \/work with hello$/m);
  assert.deepEqual(packagesIn(first, 'sbom.spdx.json'), ['app', 'tool']);
  const names = statementIn(first, 'sbom.spdx.json').subject.map(({ name }) => name);
  assert.deepEqual(names, ['app.package', 'tool.package', 'true']);
  const again = succeeded(await buildx('--sbom=generator=scanner', '-o', first));
  assert.doesNotMatch(again.stderr, /scanning as/);
});

test('stages and the context on request; subjects of its own', async () => {
  const out = mkdtempSync(join(scratch, 'out-'));
  const wish = ['--build-arg', 'BUILDKIT_SBOM_SCAN_STAGE=tools,other'];
  const files = ['--attest', 'type=sbom,generator=scanner,MODE=own', '-o', `type=local,dest=${out}`];
  succeeded(await caisson(...wish, '--build-arg', 'BUILDKIT_SBOM_SCAN_CONTEXT=true', ...files));
  assert.deepEqual(packagesIn(out, 'sbom-tools.spdx.json'), ['tool']);
  assert.deepEqual(packagesIn(out, 'sbom-context.spdx.json'), ['app', 'tool']);
  assert.deepEqual(statementIn(out, 'also.json').subject, [{ name: 'own', digest: { sha256: '00' } }]);
  assert.throws(() => statementIn(out, 'sbom-unseen.spdx.json'), { code: 'ENOENT' });
  const own = mkdtempSync(join(scratch, 'out-'));
  succeeded(await caisson(...wish, '--sbom', '-o', own));
  assert.deepEqual(packagesIn(own, 'sbom-tools.spdx.json'), []);
});

test('attached in a registry, and told as material', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  await dockerOk(engine, ['tag', 'scanner', `${registry.host}/tools/scanner:1`]);
  await dockerOk(engine, ['push', '-q', `${registry.host}/tools/scanner:1`]);
  await dockerOk(engine, ['rmi', `${registry.host}/tools/scanner:1`]);
  const name = `${registry.host}/team/app:1`;
  const attest = [`--sbom=generator=${registry.host}/tools/scanner:1`, '--provenance=true'];
  succeeded(await caisson(...attest, '-o', `type=registry,name=${name}`));
  const inspect = ['buildx', 'imagetools', 'inspect', name, '--format'];
  const { SPDX } = JSON.parse((await runProgram('docker', [...inspect, '{{json .SBOM}}'])).stdout);
  assert.deepEqual(
    SPDX.packages.map((each: { readonly name: string }) => each.name),
    ['app', 'tool'],
  );
  const { SLSA } = JSON.parse((await runProgram('docker', [...inspect, '{{json .Provenance}}'])).stdout);
  const uris = SLSA.materials.map(({ uri }: { readonly uri: string }) => uri);
  assert.ok(uris.some((uri: string) => uri.startsWith(`pkg:docker/${registry.host}/tools/scanner@1?`)));
});

const failures: readonly (readonly [generator: string, RegExp])[] = [
  ['scanner,MODE=fail', /Cannot list packages with scanner: it ended with exit code 3/],
  ['scanner,MODE=silent', /with scanner: it wrote nothing into \/run\/out/],
  ['idle', /with idle: the image has neither an entrypoint nor a command/],
  ['127.0.0.1:1/no/where', /Cannot list packages with 127\.0\.0\.1:1\/no\/where: /],
];

test('what a scanner does wrong is said', async () => {
  for (const [generator, pattern] of failures) {
    const failed = await caisson(`--sbom=generator=${generator}`, '-o', 'type=cacheonly');
    assert.equal(failed.exitCode, 1, generator);
    assert.match(failed.stderr, pattern);
  }
  const failed = await buildx('--sbom=generator=scanner,MODE=fail', '-o', join(scratch, 'never'));
  assert.match(failed.stderr, /^#\d+ [0-9.]+ the database is too old$/m);
  assert.match(failed.stderr, /Cannot list packages with scanner: it ended with exit code 3/);
});

test('a result without files of the context: all of it is scanned', async () => {
  const other = mkdtempSync(join(scratch, 'context-'));
  writeFileSync(join(other, 'Dockerfile'), 'ARG BUILDKIT_SBOM_SCAN_CONTEXT=true\nFROM bb\nRUN true\n');
  writeFileSync(join(other, 'one.package'), 'one');
  for (const subject of subjects) {
    const out = mkdtempSync(join(scratch, 'out-'));
    succeeded(await buildxOf(subject, '--sbom=generator=scanner', '-o', out, other));
    assert.deepEqual(packagesIn(out, 'sbom-context.spdx.json'), ['one']);
    const without = succeeded(await buildxOf(subject, '--no-cache', '-o', 'type=cacheonly', other));
    assert.doesNotMatch(without.stderr, /load build context/);
  }
});

test('build arguments may ask for attestations; no exporter has to want them', async () => {
  const generator = 'generator=scanner';
  for (const subject of subjects) {
    const out = mkdtempSync(join(scratch, 'out-'));
    const args = [`BUILDKIT_ATTEST_SBOM=${generator}`, 'BUILDKIT_ATTEST_PROVENANCE=mode=max'];
    const wish = args.flatMap((arg) => ['--build-arg', arg]);
    const own = ['--provenance=false', ...wish, '-o', out];
    succeeded(await buildxOf(subject, ...own, context));
    assert.deepEqual(packagesIn(out, 'sbom.spdx.json'), ['app', 'tool']);
    const { predicate } = JSON.parse(readFileSync(join(out, 'provenance.json'), 'utf8'));
    const parameters =
      predicate.invocation?.parameters ?? predicate.buildDefinition.externalParameters.request;
    assert.equal(parameters.args['build-arg:BUILDKIT_ATTEST_SBOM'], generator);
    const unknown = await buildxOf(subject, '--build-arg', 'BUILDKIT_ATTEST_OTHER=x', context);
    assert.match(unknown.stderr, /unknown attestation type "other"/);
    for (const asking of [`--sbom=${generator}`, `--build-arg=BUILDKIT_ATTEST_SBOM=${generator}`]) {
      const { stderr } = succeeded(
        await buildxOf(subject, '--no-cache', asking, '-o', 'type=cacheonly', context),
      );
      assert.match(stderr, /^#\d+ [0-9.]+ scanning as 0 in \/work with hello$/m);
    }
    using client = await BuildkitClient.connect(subject, { directories: { context, dockerfile: context } });
    const FrontendAttrs = { 'no-cache': '', 'attest:sbom': generator };
    const { told } = await client.solve({ Frontend: 'dockerfile.v0', FrontendAttrs });
    const said = told.flatMap(({ logs }) => logs.map(({ msg }) => Buffer.from(msg).toString())).join('');
    assert.match(said, /^scanning as 0/m);
  }
  const out = mkdtempSync(join(scratch, 'out-'));
  succeeded(await caisson('--build-arg', `BUILDKIT_ATTEST_SBOM=${generator}`, '-o', out));
  assert.deepEqual(packagesIn(out, 'sbom.spdx.json'), ['app', 'tool']);
});
