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
      server.serve(upgrade(exchange));
    }),
  ),
  hijacking(
    post('/session', async (exchange) => {
      const [server, { sessionHeadersOf }] = await Promise.all([
        exchange.context.buildkit(),
        import('./buildkit-server.ts'),
      ]);
      const headers = sessionHeadersOf(exchange.request.headers);
      server.openSession(upgrade(exchange), headers);
    }),
  ),
];

function upgrade(exchange: Exchange): Duplex {
  if (!exchange.upgrade)
    throw new EngineError('invalid', 'Cannot serve BuildKit: the client asks for no upgrade to h2c');
  const connection = takeConnection(exchange);
  connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  tuneForStreaming(connection);
  return connection;
}
