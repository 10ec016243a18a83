import { existsSync, renameSync, rmSync } from 'node:fs';
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * The files of a json-file log: `ID-json.log` is written, `.1` is the one before, and so on; `.1.gz` where they are
 * compressed. Each file also has a number that does not change when it is renamed: the first one written in this
 * process is 0, those before it are negative.
 */
export class JsonFileSet {
  readonly path: string;
  #current = 0;

  constructor(directory: string, containerId: string) {
    this.path = join(directory, `${containerId}-json.log`);
  }

  /** The number of the file that is written. */
  get current(): number {
    return this.#current;
  }

  /** The numbers of all that exist, oldest first. */
  list(): number[] {
    const name = basename(this.path);
    const generations = readdirSync(dirname(this.path)).flatMap((file) => {
      if (!file.startsWith(name)) return [];
      const suffix = /^(?:\.(\d+)(?:\.gz)?)?$/.exec(file.slice(name.length));
      return suffix ? [Number(suffix[1] ?? 0)] : [];
    });
    return [...new Set(generations)].map((age) => this.#current - age).toSorted((a, b) => a - b);
  }

  /** Its present name, without `.gz`. */
  pathOf(number: number): string {
    const age = this.#current - number;
    return age === 0 ? this.path : `${this.path}.${age}`;
  }

  /** Makes room for a new file; readers of the old ones keep them. */
  rotate(maxFiles: number): void {
    if (maxFiles < 2) {
      rmSync(this.path, { force: true });
    } else {
      this.#remove(maxFiles - 1);
      for (let age = maxFiles - 2; age >= 0; age--) this.#shift(age);
    }
    this.#current++;
  }

  #remove(age: number): void {
    for (const suffix of ['', '.gz']) rmSync(`${this.path}.${age}${suffix}`, { force: true });
  }

  #shift(age: number): void {
    const from = age === 0 ? this.path : `${this.path}.${age}`;
    for (const suffix of age === 0 ? [''] : ['', '.gz']) {
      if (existsSync(from + suffix)) renameSync(from + suffix, `${this.path}.${age + 1}${suffix}`);
    }
  }
}
