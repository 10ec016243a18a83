/**
 * Graphs of clients (LLB). The definitions are those of BuildKit's own client library
 * (`test/fixtures/graphs/states.go`). With `CAISSON_PEERS=check`, Debian's dockerd is asked as well; with
 * `CAISSON_PEERS=write`, what it answers becomes what is expected, to be reviewed.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fromGoFileMode } from '../../src/base/go-file-mode.ts';
import { Definition, type DefinitionInput } from '../../src/wire/buildkit/ops.ts';
import type { BuildkitClient, LedBuild } from '../support/buildkit-client.ts';
import { GraphSubjects, peers } from './graphs.ts';

const fixture = (name: string) => new URL(`../fixtures/graphs/${name}`, import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(fixture(name), 'utf8'));
const definitions: Readonly<Record<string, string>> = read('definitions.json');
/** Lines of the trees, or what the failure says. */
const expected: Record<string, readonly string[]> = read('expected.json');

let subjects: GraphSubjects;
before(async () => {
  subjects = await GraphSubjects.start();
});

after(async () => {
  await subjects[Symbol.asyncDispose]();
  if (peers === 'write')
    writeFileSync(fixture('expected.json'), `${JSON.stringify(expected, undefined, 2)}\n`);
});

function definitionOf(name: string): DefinitionInput {
  const { def, metadata } = Definition.decode(Buffer.from(definitions[name] ?? '', 'base64'));
  const described = [...metadata].map(([digest, known]) => [
    digest,
    { ignoreCache: known?.ignoreCache === true, description: Object.fromEntries(known?.description ?? []) },
  ]);
  return { def, metadata: Object.fromEntries(described) };
}

/** One line a file: its path, mode, owner, and what it holds or leads to. */
async function treeOf(build: LedBuild, ref: string, directory = '/'): Promise<readonly string[]> {
  const lines: string[] = [];
  const entries = await build.readDirectory(ref, directory);
  for (const { path, mode, uid, gid, linkname } of entries) {
    const place = join(directory, path);
    const type = fromGoFileMode(mode) & 0o170000;
    const line = `${place} ${fromGoFileMode(mode).toString(8)} ${uid}:${gid}`;
    if (type === 0o120000) lines.push(`${line} -> ${linkname}`);
    else if (type === 0o100000)
      lines.push(`${line} ${JSON.stringify(String(await build.readFile(ref, place)))}`);
    else lines.push(line, ...(await treeOf(build, ref, place)));
  }
  return lines;
}

/** Places of the peer's own are not compared. */
function failureOf(error: unknown): readonly string[] {
  const text = error instanceof Error ? error.message : String(error);
  return [
    `failed: ${text.replaceAll(/\/tmp\/\S*?\/(?:fs|merged|diff|buildkit\d+|buildkit-mount\d+)(?=\/)/g, '')}`,
  ];
}

async function answerOf(client: BuildkitClient, name: string): Promise<readonly string[]> {
  let lines: readonly string[] = [];
  const { told } = await client.build({}, async (build) => {
    const { ref } = await build.solve({ Definition: definitionOf(name) });
    lines = await treeOf(build, ref?.id ?? '').catch(failureOf);
    return {};
  });
  assert.ok(told.length > 0);
  return lines;
}

describe('what graphs lead to', () => {
  for (const name of Object.keys(definitions))
    test(name, async () => {
      for (const subject of subjects.all.values()) {
        using client = await subjects.connect(subject);
        const answer = await answerOf(client, name);
        if (peers === 'write') expected[name] = answer;
        else assert.deepEqual(answer, expected[name]);
      }
    });
});
