/** What a step's container is given, layers that do not depend on what is below, one layer for several, platforms. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { defaultCommandSettings } from '../../src/build/definition/command-settings.ts';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { tarOf } from '../fixtures/tar.ts';
import { type BuildInput, BuiltEngine } from './built-engine.ts';

let engine: BuiltEngine;

before(async () => {
  engine = await BuiltEngine.start();
});

after(async () => {
  await engine[Symbol.asyncDispose]();
});

const PARENT = `caisson-test-${process.pid}`;

/** A parent that the user names is the user's. */
function removeParents(): void {
  const root = '/sys/fs/cgroup';
  const places = ['.', ...readdirSync(root)].map((name) => join(root, name, PARENT));
  for (const path of places) if (existsSync(path)) rmdirSync(path);
}

test('hosts, limits, shared memory and the parent cgroup hold for RUN', async () => {
  const commands = {
    ...defaultCommandSettings({ kind: 'none' }),
    extraHosts: ['added:10.1.2.3'],
    sharedMemoryBytes: 3 * 2 ** 20,
    ulimits: [{ name: 'nofile', soft: 512, hard: 1024 }],
    limits: { memoryBytes: 256 * 2 ** 20, cgroupParent: `/${PARENT}` },
  };
  const { output } = await engine.build({
    Dockerfile: `FROM bb
RUN grep added /etc/hosts; df -k /dev/shm | tail -n 1 | awk '{print $2}'; ulimit -n; ulimit -Hn
RUN cat /proc/self/cgroup | grep -c ${PARENT}; cat /proc/self/cgroup
`,
    commands,
  });
  removeParents();
  assert.match(output, /^10\.1\.2\.3\tadded\n3072\n512\n1024\n[1-9]/);
});

const linking = (first: string) => `FROM bb
RUN echo ${first} > /first
COPY --link --chown=5:6 a /linked/a
`;

test('--link: a layer of its own, the same on any parent', async () => {
  const files = { a: 'a\n' };
  const one = await engine.build({ Dockerfile: linking('one'), files });
  const two = await engine.build({ Dockerfile: linking('two'), files });
  assert.deepEqual(two.cached, ['COPY --link --chown=5:6 a /linked/a']);
  const [, linkedOne] = await engine.layers(one.id);
  const [, linkedTwo] = await engine.layers(two.id);
  assert.deepEqual(linkedOne, ['/linked', '/linked/a']);
  assert.deepEqual(linkedTwo, linkedOne);
});

test('squash: one layer above the base, with what was deleted from it', async () => {
  const { id } = await engine.build({
    Dockerfile: `FROM bb
RUN mkdir -p /d/e && echo 1 > /d/one && echo 2 > /d/e/two && ln /d/one /d/hard
RUN rm -r /d/e && rm /bin/wget && rm -r /www && mkdir /www && touch /www/new
RUN rm -r /data && echo file > /data
ENV KEPT=yes
`,
    squash: true,
    references: ['squashed:1'],
  });
  const layers = await engine.layers(id);
  assert.equal(layers.length, 1);
  assert.deepEqual(layers[0], ['/bin/wget', '/d', '/d/hard', '/d/one', '/data', '/www/new']);
  const { output } = await engine.build({
    Dockerfile: `FROM squashed:1
RUN ls /d; cat /d/one /data; ls /www; ls -d /bin/wget /d/e 2>/dev/null; stat -c %h /d/one; echo $KEPT
`,
  });
  assert.equal(output, 'hard\none\n1\nfile\nnew\n2\nyes\n');
  const history = await engine.engine.images.history('squashed:1');
  assert.match(history[0]?.comment ?? '', /merge of 3 layers/);
  assert.equal(history.filter(({ sizeBytes }) => sizeBytes > 0).length, 2);
});

test('another platform: planned, copied for and run as far as its programs are for this machine', async () => {
  const archive = Readable.from([busyboxRootTar()]);
  const platform = 'linux/s390x';
  await engine.engine.images.import({ archive, reference: 'foreign:1', platform });
  const copy = `FROM --platform=${platform} foreign:1\nARG TARGETARCH\nCOPY a /a\nENV ARCH=$TARGETARCH\n`;
  const files = { a: 'a' };
  const built = await engine.build({ Dockerfile: copy, files });
  const { config } = await engine.engine.images.inspect(built.id);
  assert.equal(config.architecture, 's390x');
  // What an image is said to be for does not keep from running what is for this machine.
  await engine.build({ Dockerfile: `${copy}RUN true\n`, files });
  const tools = `FROM --platform=$BUILDPLATFORM bb AS tools
ARG TARGETPLATFORM
RUN echo $TARGETPLATFORM > /target
FROM foreign:1
COPY --from=tools /target /target
`;
  const cross = await engine.build({ Dockerfile: tools, platforms: [platform], references: ['cross:1'] });
  assert.equal((await engine.engine.images.inspect('cross:1')).config.architecture, 's390x');
  assert.notEqual(cross.id, '');
  const { output } = await engine.build({
    Dockerfile: 'FROM bb\nRUN --mount=from=cross:1,target=/c cat /c/target\n',
  });
  assert.equal(output, 'linux/s390x\n');
});

test('a step that was given up tells nothing in a build that wants it before it has ended', async () => {
  const Dockerfile = `FROM bb
RUN --mount=type=cache,target=/kept if [ -e /kept/begun ]; then echo second; else touch /kept/begun; echo first; sleep 1000; fi
`;
  const left = new AbortController();
  // All that it needs but the Dockerfile's last bytes is there when the other one gives up.
  const tar = tarOf({ path: 'Dockerfile', content: Dockerfile, mode: 0o644 });
  const begun = Promise.withResolvers<void>();
  async function* held() {
    yield tar.subarray(0, 512);
    await begun.promise;
    left.abort();
    yield tar.subarray(512);
  }
  const second = engine.build({ Dockerfile, context: { kind: 'tar', stream: Readable.from(held()) } });
  const first = async () => {
    for await (const event of engine.events({ Dockerfile, signal: left.signal }))
      if (event.type === 'output') begun.resolve();
  };
  await assert.rejects(first());
  assert.equal((await second).output, 'second\n');
});

test('what a step takes stays for the builds that wait for it, though the build that began it leaves', async () => {
  const gate = 'RUN --mount=type=cache,id=gate,sharing=locked,target=/gate';
  const input = {
    Dockerfile: `FROM bb\n${gate} --mount=target=/context cat /context/file\n`,
    files: { file: 'taken\n' },
  };
  const closed = Promise.withResolvers<void>();
  const closing = (async () => {
    const Dockerfile = `FROM bb\n${gate} echo closed; until [ -e /gate/open ]; do sleep 0.02; done\n`;
    for await (const { type } of engine.events({ Dockerfile })) if (type === 'output') closed.resolve();
  })();
  await closed.promise;
  const left = new AbortController();
  const first = await waiting(input, left.signal);
  const second = await waiting(input);
  left.abort(new Error('enough'));
  const leaving = assert.rejects(first.ended, /enough/);
  // By the end of a whole build, the other one has removed whatever it does.
  await engine.build({ Dockerfile: 'FROM bb\nRUN echo between\n' });
  const caches = join(engine.traces.root, 'builds/caches');
  for (const name of readdirSync(caches)) writeFileSync(join(caches, name, 'open'), '');
  assert.equal(await second.ended, 'taken\n');
  await Promise.all([leaving, closing]);
});

/** A build of which all that can be done is done, up to a step that waits; at its end, what commands have said. */
async function waiting(
  input: BuildInput,
  signal = new AbortController().signal,
): Promise<{ readonly ended: Promise<string> }> {
  const begun = Promise.withResolvers<void>();
  const ended = (async () => {
    let output = '';
    for await (const event of engine.events({ ...input, signal, tell: 'graph' })) {
      if (event.type === 'vertex-output') output += event.data.toString();
      const isCommand = event.type === 'vertex' && event.vertex.name.includes('RUN');
      if (isCommand && event.vertex.startedAtMs !== undefined) begun.resolve();
    }
    return output;
  })();
  ended.catch((error: unknown) => begun.reject(error));
  await begun.promise;
  // From there on it waits for nothing else but the step.
  await new Promise(setImmediate);
  return { ended };
}
