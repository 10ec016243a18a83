import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const project = join(import.meta.dirname, '../..');

/** A former version of this project, from its history, in a directory of its own; it runs from source. */
export class FormerVersion implements Disposable {
  /** Has `bin/caissond`. */
  readonly home: string;

  /** @param commit that is in the history of the checkout */
  constructor(commit: string) {
    this.home = mkdtempSync('/tmp/caisson-former-');
    // The checkout may belong to another user than root, who runs the tests.
    const script = 'git -c safe.directory="*" -C "$1" archive "$2" bin src package.json | tar -x -C "$3"';
    const args = ['-c', script, 'archive', project, commit, this.home];
    const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
    if (status !== 0) {
      this[Symbol.dispose]();
      throw new Error(
        `Cannot take commit ${commit} from the history: ${stderr}` +
          'In a shallow clone, `git fetch --unshallow` brings it.',
      );
    }
    symlinkSync(join(project, 'node_modules'), join(this.home, 'node_modules'));
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
