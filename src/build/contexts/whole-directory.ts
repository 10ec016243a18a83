import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { UseCount } from '#base/use-count.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { LocalFiles } from '../definition/vertex.ts';
import type { LayerTrees } from '../solve/layer-trees.ts';
import { readInside } from './archive-context.ts';
import type { ContextSourceFiles } from './context-source.ts';

/** A directory with all files of a context. @param held disposed with the result */
export function wholeDirectory(files: LocalFiles, held: AsyncDisposable): ContextSourceFiles {
  return {
    isWhole: true,
    read: (paths) => {
      const texts = paths.flatMap((path) => {
        const text = readInside(files.directory, path);
        return text === undefined ? [] : [[path, text] as const];
      });
      return Promise.resolve(new Map(texts));
    },
    files: (ignore) => ({ ...files, ignore }),
    receive: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  };
}

/** The files of layers. */
export function layersContext(
  trees: Pick<LayerTrees, 'mountWritable'>,
  layers: readonly ImageLayer[],
): ContextSourceFiles {
  const root = trees.mountWritable(layers);
  const uses = new UseCount();
  const files: LocalFiles = {
    kind: 'local',
    directory: root.path,
    ignore: [],
    hold: () => Promise.resolve(uses.use()),
  };
  return wholeDirectory(files, {
    [Symbol.asyncDispose]: async () => {
      await uses.unused();
      await root[Symbol.asyncDispose]();
    },
  });
}

/**
 * What is in a directory of a context.
 *
 * @throws {EngineError} `invalid` if it is none, or reached through a link
 */
export function inDirectory(source: ContextSourceFiles, directory: string): ContextSourceFiles {
  const parts = directory.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0) return source;
  const below = parts.join('/');
  return {
    ...source,
    read: async (paths) => {
      const texts = await source.read(paths.map((path) => `${below}/${path}`));
      return new Map([...texts].map(([path, text]) => [path.slice(below.length + 1), text]));
    },
    files: (ignore) => {
      const { kind, directory: root, hold, origin } = source.files(ignore);
      requireDirectory(root, parts);
      return { kind, directory: join(root, below), ignore, hold, ...(origin && { origin }) };
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

function requireDirectory(root: string, parts: readonly string[]): void {
  let path = root;
  for (const part of parts) {
    path = join(path, part);
    const isThere = part !== '..' && lstatSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (!isThere)
      throw new EngineError('invalid', `Cannot use build context: ${parts.join('/')} is no directory of it`);
  }
}
