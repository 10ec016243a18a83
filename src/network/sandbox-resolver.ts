import { closeFd } from '#linux/descriptors.ts';
import { type ForwardQuery, resolveQuery, type ResolverView } from './resolver.ts';
import { openResolverDescriptors, serveResolver } from './resolver-sockets.ts';

/**
 * Opens the sockets of a sandbox's resolver in the namespace that the thread is in, and serves them until it is
 * disposed.
 */
export function openSandboxResolver(view: ResolverView, forward: ForwardQuery): Disposable {
  const descriptors = openResolverDescriptors();
  using undo = new DisposableStack();
  undo.defer(() => closeFd(descriptors.udp));
  undo.defer(() => closeFd(descriptors.tcp));
  const served = serveResolver(descriptors, (message, transport) =>
    resolveQuery(message, transport, view, forward),
  );
  undo.move();
  return served;
}
