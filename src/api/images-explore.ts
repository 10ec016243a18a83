/** `GET /images/{name}/explore`: an extension of ours, so that clients of Docker's API never meet it. */
import { sendJson } from './respond.ts';
import { get, type Route } from './route.ts';

export const imageExploreRoutes: readonly Route[] = [
  get('/images/:name*/explore', async (exchange) => {
    const { signal } = exchange;
    const withFiles = exchange.text('files') === '' || exchange.flag('files');
    sendJson(
      exchange,
      200,
      await exchange.engine.images.explore(exchange.param('name'), { withFiles, signal }),
    );
  }),
];
