/**
 * What `npm pack` needs beside the sources: the library as JavaScript with its types, below `dist/`, and a package.json
 * that leads there. `npm pack` calls it before and after packing.
 *
 *   package.ts prepare   compiles, and exchanges package.json; the original is kept in build/
 *   package.ts restore   puts the original back
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

const HOME = join(import.meta.dirname, '..');
const MANIFEST = join(HOME, 'package.json');
const ORIGINAL = join(HOME, 'build/package.json');
const SOURCE = join(HOME, 'build/package-source');
const DIST = join(HOME, 'dist');

/** `#base/errors.ts`, as sources name modules of other folders. */
const SPECIFIER = /(['"])#([a-z-]+\/[^'"]+\.ts)\1/g;

interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: unknown;
  readonly scripts: unknown;
  readonly devDependencies: unknown;
}

function prepare(): void {
  restore();
  compile();
  openDoors();
  mkdirSync(dirname(ORIGINAL), { recursive: true });
  const text = readFileSync(MANIFEST, 'utf8');
  writeFileSync(ORIGINAL, text);
  writeFileSync(`${MANIFEST}.new`, `${JSON.stringify(packed(JSON.parse(text)), undefined, 2)}\n`);
  renameSync(`${MANIFEST}.new`, MANIFEST);
}

function restore(): void {
  if (existsSync(ORIGINAL)) renameSync(ORIGINAL, MANIFEST);
}

/** Node takes no TypeScript from a package, and the mapping of `#` names would lead to it. */
function packed(manifest: Manifest): object {
  const entries = Object.entries(manifest.exports).map(([name, source]) => [name, compiled(source)]);
  const { imports: _imports, scripts: _scripts, devDependencies: _tools, ...rest } = manifest;
  return { ...rest, exports: Object.fromEntries(entries) };
}

function compiled(source: string): { readonly types: string; readonly default: string } {
  const place = source.replace(/^\.\/src\//, './dist/').replace(/\.ts$/, '');
  return { types: `${place}.d.ts`, default: `${place}.js` };
}

/** Compiles a source with relative names only, which the compiler rewrites to what it writes. */
function compile(): void {
  rmSync(SOURCE, { recursive: true, force: true });
  rmSync(DIST, { recursive: true, force: true });
  cpSync(join(HOME, 'src'), SOURCE, { recursive: true, filter: (path) => !isForTests(path) });
  for (const file of readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const path = join(SOURCE, file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      text.replaceAll(SPECIFIER, (_, quote, target) => `${quote}${relativeTo(file, target)}${quote}`),
    );
  }
  execFileSync(
    process.execPath,
    [join(HOME, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.package.json'],
    {
      cwd: HOME,
      stdio: ['ignore', 2, 2],
    },
  );
}

/** What older versions of Node lack is there before any of our modules is evaluated. */
function openDoors(): void {
  const stacks = 'disposable-stacks.mjs';
  cpSync(join(import.meta.dirname, stacks), join(DIST, stacks));
  const { exports }: Manifest = JSON.parse(readFileSync(MANIFEST, 'utf8'));
  for (const source of Object.values(exports)) {
    const door = compiled(source).default;
    const text = readFileSync(join(HOME, door), 'utf8');
    writeFileSync(join(HOME, door), `import '${relativeTo(door, `./dist/${stacks}`)}';\n${text}`);
  }
}

function isForTests(path: string): boolean {
  return /\.(test|fixture|types)\.ts$|\/testing[^/]*\.ts$/.test(path);
}

function relativeTo(file: string, target: string): string {
  const path = relative(dirname(file), target);
  return path.startsWith('.') ? path : `./${path}`;
}

const [verb] = process.argv.slice(2);
if (verb === 'prepare') prepare();
else if (verb === 'restore') restore();
else throw new Error('package: prepare or restore expected');
