/** `/containers/{id}/archive`: files into and out of a container, as tar (`docker cp`). */
import { EngineError } from '#base/errors.ts';
import { toGoFileMode } from '#base/go-file-mode.ts';
import { formatTimestamp } from '#base/timestamps.ts';
import type { FileStat } from '#layer/layer.ts';
import { encodePathStat, PATH_STAT_HEADER } from '#wire/path-stat.ts';
import type { Exchange } from './exchange.ts';
import { bodyStream } from './request-body.ts';
import { sendBody, sendEmpty } from './respond.ts';
import { get, head, put, type Route } from './route.ts';

export const containerArchiveRoutes: readonly Route[] = [
  head('/containers/:id/archive', async (exchange) => {
    const stat = await exchange.engine.containers.statPath(exchange.param('id'), pathOf(exchange));
    const headers = [...exchange.context.headers, PATH_STAT_HEADER, headerOf(stat)];
    exchange.response.writeHead(200, headers);
    exchange.response.end();
  }),
  get('/containers/:id/archive', async (exchange) => {
    const { stat, tar } = await exchange.engine.containers.getArchive(exchange.param('id'), pathOf(exchange));
    await sendBody(exchange, tar, 'application/x-tar', [PATH_STAT_HEADER, headerOf(stat)]);
  }),
  put('/containers/:id/archive', async (exchange) => {
    await exchange.engine.containers.putArchive(
      exchange.param('id'),
      pathOf(exchange),
      bodyStream(exchange),
      {
        noOverwriteDirNonDir: exchange.flag('noOverwriteDirNonDir'),
        copyUidGid: exchange.flag('copyUIDGID'),
        signal: exchange.signal,
      },
    );
    sendEmpty(exchange);
  }),
];

function headerOf({ name, sizeBytes, mode, modifiedNs, linkTarget }: FileStat): string {
  return encodePathStat({
    name,
    size: sizeBytes,
    mode: toGoFileMode(mode),
    mtime: formatTimestamp(modifiedNs),
    linkTarget,
  });
}

function pathOf(exchange: Exchange): string {
  const path = exchange.pathText('path');
  if (path === '') throw new EngineError('invalid', 'bad parameter: path cannot be empty');
  return path;
}
