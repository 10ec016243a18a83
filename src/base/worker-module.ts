/**
 * Where the module of a worker stands beside the module that starts it, as source, bundled or compiled.
 *
 * @param name without its ending: `layer-worker`
 * @param importer the `import.meta.url` of the module that starts it
 */
export function workerModule(name: string, importer: string): URL {
  return new URL(`${name}${importer.slice(importer.lastIndexOf('.'))}`, importer);
}
