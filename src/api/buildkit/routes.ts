/** `/grpc` and `/session`: BuildKit, on connections that are upgraded to HTTP/2. */
import type { Duplex } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import { tuneForStreaming } from '../connection.ts';
import type { Exchange } from '../exchange.ts';
import { takeConnection } from '../hijack.ts';
import { hijacking, post, type Route } from '../route.ts';

export const buildkitRoutes: readonly Route[] = [
  hijacking(
    post('/grpc', async (exchange) => {
      const server = await exchange.context.buildkit();
      server.serve(await upgrade(exchange));
    }),
  ),
  hijacking(
    post('/session', async (exchange) => {
      const [server, { sessionHeadersOf }] = await Promise.all([
        exchange.context.buildkit(),
        import('./session-headers.ts'),
      ]);
      const headers = sessionHeadersOf(exchange.request.headers);
      server.openSession(await upgrade(exchange), headers);
    }),
  ),
];

const HEAD = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';

/**
 * Resolves once the answer is written: HTTP/2 takes over the connection's handle, and no write may be under way then.
 */
async function upgrade(exchange: Exchange): Promise<Duplex> {
  if (!exchange.upgrade)
    throw new EngineError('invalid', 'Cannot serve BuildKit: the client asks for no upgrade to h2c');
  const connection = takeConnection(exchange);
  tuneForStreaming(connection);
  await new Promise<void>((resolve, reject) => {
    connection.write(HEAD, (error) => (error ? reject(error) : resolve()));
  });
  return connection;
}
