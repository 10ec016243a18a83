/** What clients that lead a build ask of its results; with `CAISSON_PEERS=check`, of Debian's dockerd as well. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Op } from '../../src/wire/buildkit/ops.ts';
import { BuildkitClient } from '../support/buildkit-client.ts';
import { dockerOk } from '../support/docker.ts';
import type { Subject } from '../support/subject.ts';
import { BB, command, file, from, graphOf, GraphSubjects, image, names, solved } from './graphs.ts';

let subjects: GraphSubjects;
before(async () => {
  subjects = await GraphSubjects.start();
});

after(() => subjects[Symbol.asyncDispose]());

/** Everything that a client may ask is asked of everybody. */
function asked(name: string, ask: (subject: Subject, isOurs: boolean) => Promise<void>): void {
  test(name, async () => {
    for (const [who, subject] of subjects.all) await ask(subject, who === 'ours');
  });
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe('what clients that lead a build ask', () => {
  asked('parts of files, directories and single files, links followed', async (subject, isOurs) => {
    const graph = graphOf(
      image,
      command('mkdir /l; cd /l; echo 0123456789 > t; ln -s t s; ln -s . d; ln t u'),
    );
    await subjects.look(subject, async (build) => {
      const ref = await solved(build, graph);
      const part = async (Offset: number, Length: number) =>
        String(await build.readFile(ref, 'l/d/d/s', { Offset, Length }));
      assert.equal(await part(3, 4), '3456');
      assert.equal(await part(8, 100), '89\n');
      assert.equal(await part(100, 1), '');
      await assert.rejects(build.readFile(ref, '/nope'), {
        message: 'open /nope: no such file or directory',
      });
      await assert.rejects(build.readFile(ref, '/l'), /\/l/);
      const { path, mode, size } = (await build.statFile(ref, '/l/s')) ?? {};
      assert.deepEqual({ path, mode, size }, { path: 't', mode: 0o644, size: 11 });
      await assert.rejects(build.statFile(ref, '/x'), { message: 'lstat /x: no such file or directory' });
      assert.deepEqual(names(await build.readDirectory(ref, '/l')), ['d>.', 's>t', 't>', 'u>t']);
      assert.deepEqual(names(await build.readDirectory(ref, '/l/d', '[st]')), ['s>t', 't>']);
      await assert.rejects(build.readDirectory(ref, '/x'), /no such file or directory/);
      await assert.rejects(build.readFile('nobody', '/x'), /no such ref: nobody/);
      if (isOurs) await assert.rejects(build.readFile('', '/x'), /empty ref/);
    });
  });

  asked('source policies of the whole build and of one call hold for graphs', async (subject) => {
    const Definition = graphOf(image, file('/f', 'f'));
    const policy = { version: 1, rules: [{ action: 1, selector: { identifier: 'docker-image://*' } }] };
    const denied = /docker-image:\/\/docker\.io\/library\/bb:latest" denied by policy/;
    using client = await subjects.connect(subject);
    await assert.rejects(client.solve({ Definition, SourcePolicy: policy }), denied);
    await subjects.look(subject, async (build) => {
      await assert.rejects(build.solve({ Definition, SourcePolicies: [policy], Evaluate: true }), denied);
      await build.solve({ Definition, Evaluate: true });
    });
  });

  asked('a graph of nothing is solved at once; the history of builds ends', async (subject, isOurs) => {
    using client = await subjects.connect(subject);
    const { response } = await client.solve({ Definition: { def: [] } });
    assert.deepEqual([...response], []);
    if (isOurs)
      await assert.rejects(client.solve({ Definition: { def: [] }, Exporters: [{ Type: 'image' }] }), {
        message: 'Cannot export result: the graph has no operations',
      });
    await client.history();
  });

  asked('a client with one connection serves its files and secrets within it', async (subject) => {
    const directory = mkdtempSync('/tmp/caisson-test-context-');
    const steps = [
      'FROM bb',
      'COPY big /',
      'RUN --network=none --mount=type=secret,id=s cat /run/secrets/s; sha256sum /big',
    ];
    writeFileSync(join(directory, 'Dockerfile'), steps.join('\n'));
    // More than fits into the windows of either connection.
    const big = randomBytes(24 << 20);
    writeFileSync(join(directory, 'big'), big);
    const served = {
      directories: { context: directory, dockerfile: directory },
      secrets: { s: 'whispered' },
      sessionOver: '/grpc',
    } as const;
    using client = await BuildkitClient.connect(subject, served);
    const wishes = { Frontend: 'dockerfile.v0', FrontendAttrs: { 'no-cache': '' } };
    const both = await Promise.all([client.solve(wishes), client.solve(wishes)]);
    rmSync(directory, { recursive: true });
    const said = both.flatMap(({ told }) => told.flatMap(({ logs }) => logs.map(({ msg }) => textOf(msg))));
    assert.ok(said.join('').includes(createHash('sha256').update(big).digest('hex')), said.join(''));
    assert.ok(said.join('').includes('whispered'), said.join(''));
  });

  asked(
    'inputs are the context and the Dockerfile, and a directory of the context may be the whole',
    async (subject) => {
      const script =
        'mkdir /sub; touch /sub/one /sub/two.log /other; echo "*.log" >/sub/.dockerignore; ln -s sub /link';
      const FrontendInputs = {
        context: graphOf(image, command(script)),
        dockerfile: graphOf(file('/Dockerfile', 'FROM bb\nCOPY . /in\nRUN --network=none ls /in\n')),
      };
      const Frontend = 'dockerfile.v0';
      await subjects.look(subject, async (build) => {
        const inDirectory = async (contextsubdir: string) => {
          const { ref } = await build.solve({ Frontend, FrontendInputs, FrontendOpt: { contextsubdir } });
          return names(await build.readDirectory(ref?.id ?? '', '/in'));
        };
        assert.deepEqual(await inDirectory('sub'), ['.dockerignore>', 'one>', 'two.log>']);
        await assert.rejects(inDirectory('missing'), /missing/);
      });
      using client = await subjects.connect(subject);
      const { told } = await client.solve({ Frontend, FrontendInputs, FrontendAttrs: { 'no-cache': '' } });
      const said = told.flatMap(({ logs }) => logs.map(({ msg }) => textOf(msg))).join('');
      assert.match(said, /\nlink\n[^]*other\n[^]*sub\n/);
    },
  );

  asked('nothing is done before it is wanted, and nothing twice', async (subject) => {
    const script = 'cat /proc/sys/kernel/random/uuid > /made; echo said';
    const graph = graphOf(image, command(script), file('/f', 'f'));
    const fresh = {
      ...graph,
      metadata: Object.fromEntries(
        Object.keys(graph.metadata ?? {}).map((digest) => [digest, { ignoreCache: true }]),
      ),
    };
    const made: string[] = [];
    const told = await subjects.look(subject, async (build) => {
      await build.solve({ Definition: graphOf(image, command('exit 9')) });
      for (let count = 0; count < 2; count++)
        made.push(String(await build.readFile(await solved(build, fresh), '/made')));
      const { ref } = await build.solve({ Definition: graphOf(image, command('exit 8')) });
      await assert.rejects(build.evaluate(ref?.id ?? ''), /did not complete successfully: exit code: 8/);
    });
    assert.equal(made[0], made[1]);
    const said = told.flatMap(({ logs }) => logs).filter(({ msg }) => String(Buffer.from(msg)) === 'said\n');
    assert.equal(said.length, 1);
    const names = new Set(
      told.flatMap(({ vertexes }) => vertexes.filter(({ started }) => started).map(({ name }) => name)),
    );
    assert.ok(names.has(`/bin/sh -c ${script}`));
    assert.ok(names.has('mkfile /f'));
    assert.ok(!names.has('/bin/sh -c exit 9'));
  });

  asked('results are sources of other graphs; warnings are told', async (subject) => {
    let digest = '';
    const told = await subjects.look(subject, async (build) => {
      const { ref } = await build.solve({ Definition: graphOf(image, file('/one', '1')), Evaluate: true });
      const { def = [] } = ref?.def ?? {};
      const [first] = def;
      digest = `sha256:${createHash('sha256')
        .update(first ?? '')
        .digest('hex')}`;
      const on = def.at(-1);
      assert.ok(on);
      const onTop = Op.encode(file('/two', '2')([Op.decode(on).inputs[0]?.digest ?? '']));
      const name = `sha256:${createHash('sha256').update(onTop).digest('hex')}`;
      const graph = { def: [...def.slice(0, -1), onTop, Op.encode({ inputs: [from(name)] })] };
      const top = await solved(build, graph);
      assert.equal(String(await build.readFile(top, '/one')), '1');
      assert.equal(String(await build.readFile(top, '/two')), '2');
      await build.warn({ digest, level: 1, short: Buffer.from('take care'), url: 'http://why' });
    });
    const [warning] = told.flatMap(({ warnings }) => warnings);
    assert.equal(String(Buffer.from(warning?.short ?? '')), 'take care');
    assert.equal(warning?.vertex, digest);
    assert.equal(warning?.url, 'http://why');
  });

  asked('images: what is here, byte for byte', async (subject, isOurs) => {
    await subjects.look(subject, async (build) => {
      const { Config, Digest } = await build.resolveImage({ Ref: BB, ResolveMode: 'default' });
      const { rootfs, os } = JSON.parse(Buffer.from(Config).toString());
      assert.equal(os, 'linux');
      assert.equal(rootfs.diff_ids.length, 1);
      if (!isOurs) return;
      // It came from no registry.
      assert.equal(Digest, '');
      const id = (await dockerOk(subject, ['inspect', '-f', '{{.Id}}', BB])).replace('sha256:', '');
      assert.equal(createHash('sha256').update(Config).digest('hex'), id);
      const source = { identifier: `docker-image://${BB}` };
      const { Image } = await build.resolveSource({ Source: source });
      assert.deepEqual(Image?.Config, Config);
      await assert.rejects(build.resolveImage({ Ref: 'localhost:1/no/such:1' }), /localhost:1/);
    });
  });
});
