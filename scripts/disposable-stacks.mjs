/**
 * `DisposableStack` and `AsyncDisposableStack` where Node does not have them yet: before version 24. `package.ts` puts
 * it before the doors of the library.
 */
if (typeof globalThis.DisposableStack === 'undefined') {
  await import('core-js/actual/disposable-stack/index.js');
  await import('core-js/actual/async-disposable-stack/index.js');
}
