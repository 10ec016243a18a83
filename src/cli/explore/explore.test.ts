import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ExploredFile, ImageExploration } from '#wire/explore.ts';
import { createStyle } from '../style.ts';
import { keysOf } from './keys.ts';
import { renderScreen } from './screen.ts';
import { INITIAL_STATE, type Key, pressed, shownFiles, type ViewState } from './view-state.ts';

const plain = createStyle(false, {});
const size = { rows: 24, columns: 80 };

function file(Path: string, more: Partial<ExploredFile> = {}): ExploredFile {
  return { Path, Kind: 'added', Type: 'file', Size: 1000, ...more };
}

function layer(index: number, Files: readonly ExploredFile[]) {
  const counts = { Added: Files.length, Changed: 0, Removed: 0 };
  return {
    DiffId: `sha256:${index}`,
    Command: `/bin/sh -c make ${index}`,
    Size: 2_000_000,
    WastedSize: 500_000,
    ...counts,
    Files,
  };
}

const EXPLORATION: ImageExploration = {
  Id: 'sha256:0',
  Size: 4_000_000,
  WastedSize: 1_000_000,
  Efficiency: 0.75,
  Layers: [
    layer(1, [
      file('/bin/sh'),
      file('/etc', { Type: 'directory', Size: 0 }),
      file('/etc/passwd', { Kind: 'changed' }),
    ]),
    layer(
      2,
      Array.from({ length: 100 }, (_, index) => file(`/data/${index}`)),
    ),
    layer(3, [file('/gone', { Kind: 'removed' }), file(`/evil\u001b[2J${'x'.repeat(200)}`)]),
  ],
  Wasted: [],
};

function after(...keys: readonly Key[]): ViewState {
  return keys.reduce<ViewState>(
    (state, key) => pressed(EXPLORATION, state, key) ?? assert.fail('left'),
    INITIAL_STATE,
  );
}

describe('the explorer', () => {
  it('draws layers and files within 80 columns and 24 rows', () => {
    const lines = renderScreen({ image: 'app', exploration: EXPLORATION, state: INITIAL_STATE }, size, plain);
    assert.equal(lines.length, 24);
    assert.equal(lines[0], 'app  3 layers  4MB  wasted 1MB  efficiency 75.0%');
    assert.equal(lines[2], '> 1       2MB     500kB      3       0       0  RUN make 1');
    assert.equal(lines[5], '       SIZE  FILES OF LAYER 1: 3 of 3');
    assert.deepEqual(lines.slice(6, 10), [
      '+       1kB  /bin/sh',
      '+        0B  /etc/',
      '~       1kB  /etc/passwd',
      '',
    ]);
    assert.match(lines[23] ?? '', /q quit/);
  });

  it('fits any screen, and lets no file name speak to the terminal', () => {
    for (const rows of [1, 4, 5, 10, 24, 60])
      for (const columns of [1, 20, 80, 300])
        for (const state of [INITIAL_STATE, after('down', 'tab', 'end'), after('end', 'tab')]) {
          const lines = renderScreen(
            { image: 'app', exploration: EXPLORATION, state },
            { rows, columns },
            plain,
          );
          assert.equal(lines.length, rows);
          for (const line of lines)
            assert.ok(Array.from(line).length <= columns && !line.includes('\u001b'), line);
        }
  });

  it('moves, and keeps what is chosen in sight', () => {
    assert.deepEqual(after('down', 'down', 'down').layer, 2);
    assert.deepEqual(after('up').layer, 0);
    const deep = after('down', 'tab', 'page-down', 'page-down', { text: 'j' });
    assert.equal(deep.file, 21);
    assert.ok(
      renderScreen({ image: 'app', exploration: EXPLORATION, state: deep }, size, plain).some(
        (line) => line.startsWith('>') && line.endsWith('/data/21'),
      ),
    );
    assert.equal(after('down', 'right', 'end').file, 99);
    assert.deepEqual(after('down', 'tab', 'end', 'left', 'down'), { ...INITIAL_STATE, layer: 2 });
  });

  it('filters', () => {
    const typing = after('down', { text: '/' }, { text: '9' }, { text: '9' });
    assert.equal(
      renderScreen({ image: 'app', exploration: EXPLORATION, state: typing }, size, plain).at(-1),
      '/99_',
    );
    assert.deepEqual(
      shownFiles(EXPLORATION, typing).map(({ Path }) => Path),
      ['/data/99'],
    );
    const corrected = after('down', { text: '/' }, { text: 'q' }, 'backspace', { text: '9' }, 'enter');
    assert.equal(shownFiles(EXPLORATION, corrected).length, 19);
    assert.equal(pressed(EXPLORATION, corrected, 'escape')?.filter, '');
  });

  it('is left by q, escape and Ctrl-C', () => {
    for (const key of [{ text: 'q' }, 'escape', 'interrupt'] as const)
      assert.equal(pressed(EXPLORATION, INITIAL_STATE, key), undefined);
  });

  it('reads the keys of terminals', () => {
    assert.deepEqual(keysOf('\u001b[A\u001bOBj\t\r\u001b[5~\u001b[99~é\u007f\u0003'), [
      'up',
      'down',
      { text: 'j' },
      'tab',
      'enter',
      'page-up',
      { text: 'é' },
      'backspace',
      'interrupt',
    ]);
    assert.deepEqual(keysOf('\u001b'), ['escape']);
  });
});
