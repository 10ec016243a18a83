/** Looking into results: what clients read to decide how a build goes on. */
import type { SolveBridge } from '#build/build.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type {
  ReadDirectoryRequest,
  ReadDirectoryResponse,
  ReadFileRequest,
  ReadFileResponse,
  StatFileRequest,
  StatFileResponse,
} from '#wire/buildkit/gateway.ts';
import type { InputOf, MessageOf } from '#wire/buildkit/message.ts';
import type { BuildResults } from './build-results.ts';
import { statOf } from './tree-sender.ts';

/** @throws {EngineError} `invalid` for what is not there, and what building the result fails with */
export async function readFile(
  results: BuildResults,
  { Ref, FilePath, Range }: MessageOf<typeof ReadFileRequest>,
): Promise<InputOf<typeof ReadFileResponse>> {
  const { bridge, layers } = await opened(results, Ref);
  const range = Range && { offset: Range.Offset, length: Range.Length };
  return { Data: await bridge.readFile(layers, FilePath, range) };
}

/** @throws {EngineError} as {@link readFile} */
export async function readDirectory(
  results: BuildResults,
  { Ref, DirPath, IncludePattern }: MessageOf<typeof ReadDirectoryRequest>,
): Promise<InputOf<typeof ReadDirectoryResponse>> {
  const { bridge, layers } = await opened(results, Ref);
  const pattern = IncludePattern === '' ? undefined : IncludePattern;
  return { entries: (await bridge.readDirectory(layers, DirPath, pattern)).map(statOf) };
}

/** @throws {EngineError} as {@link readFile} */
export async function statFile(
  results: BuildResults,
  { Ref, Path }: MessageOf<typeof StatFileRequest>,
): Promise<InputOf<typeof StatFileResponse>> {
  const { bridge, layers } = await opened(results, Ref);
  return { stat: statOf(await bridge.statFile(layers, Path)) };
}

async function opened(
  results: BuildResults,
  id: string,
): Promise<{ readonly bridge: SolveBridge; readonly layers: readonly ImageLayer[] }> {
  const { layers } = await results.image(id);
  return { bridge: results.get(id).bridge, layers };
}
