import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromGoFileMode, isGoDirectory, isGoSymlink, toGoFileMode } from './go-file-mode.ts';

describe('file modes', () => {
  it("are Go's on the wire and the kernel's inside", () => {
    const cases: [number, number][] = [
      [0o100644, 0o644],
      [0o040755, 2147483648 + 0o755],
      [0o120777, 134217728 + 0o777],
      [0o104755, 0x800000 + 0o755],
      [0o041777, 2147483648 + 0x100000 + 0o777],
      [0o020666, 0x4200000 + 0o666],
    ];
    for (const [unix, go] of cases) {
      assert.equal(toGoFileMode(unix), go);
      assert.equal(fromGoFileMode(go), unix);
    }
    assert.ok(isGoDirectory(2147484141) && !isGoDirectory(0o755));
    assert.ok(isGoSymlink(134218239) && !isGoSymlink(2147484141));
  });
});
