import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { ImageExploration } from '../../src/wire/explore.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { Terminal } from '../support/terminal.ts';

const run = promisify(execFile);

/** The source, not what may have been compiled from an older one. */
const caisson = [process.execPath, join(import.meta.dirname, '../../src/main/caisson.ts')] as const;

describe('caisson image explore', () => {
  it('tells what a real image is made of, as JSON, as a table and on a terminal', async () => {
    await using daemon = await TestDaemon.start();
    const layers = [
      tarOf(
        { path: 'etc/', mode: 0o755 },
        { path: 'etc/one', content: 'x'.repeat(3000) },
        { path: 'big', content: Buffer.alloc(5_000_000) },
      ),
      tarOf({ path: 'etc/one', content: 'y'.repeat(1000) }, { path: '.wh.big', content: '' }),
    ];
    const archive = join(daemon.directory, 'image.tar');
    writeFileSync(archive, dockerArchive({ reference: 'explored:v1', layers }));
    const [node, ...program] = caisson;
    const command = (...args: readonly string[]) => run(node, [...program, '-H', daemon.host, ...args]);
    await command('load', '-i', archive);

    const { stdout } = await command('image', 'explore', '--json', 'explored:v1');
    const explored: ImageExploration = JSON.parse(stdout);
    assert.equal(explored.Size, 5_004_000);
    assert.equal(explored.WastedSize, 5_003_000);
    assert.deepEqual(explored.Layers[1]?.Files, [
      { Path: '/big', Kind: 'removed', Type: 'file', Size: 5_000_000 },
      { Path: '/etc/one', Kind: 'changed', Type: 'file', Size: 1000 },
    ]);
    const table = await command('image', 'explore', 'explored:v1');
    assert.match(table.stdout, /^explored:v1 {2}2 layers {2}5MB {2}wasted 5MB {2}efficiency 0\.0%\n/);
    assert.match(table.stdout, /5MB +1 {2}\/big\n/);
    await assert.rejects(command('image', 'explore', 'none'), /No such image: none:latest/);

    using terminal = Terminal.open([...caisson, '-H', daemon.host, 'image', 'explore', 'explored:v1']);
    await terminal.until(/FILES OF LAYER 1: 3 of 3/);
    terminal.type('\u001b[B');
    await terminal.until(/FILES OF LAYER 2: 2 of 2/);
    terminal.type('/one\r');
    await terminal.until(/FILES OF LAYER 2: 1 of 2 {2}filter: one/);
    const before = terminal.screen.length;
    terminal.resize(10, 60);
    await terminal.until(/efficiency/, { from: before });
    terminal.type('q');
    assert.equal(await terminal.exitCode(), 0);
    // The screen is given back as it was.
    assert.ok(terminal.screen.includes('\u001b[?1049l'));
  });
});
