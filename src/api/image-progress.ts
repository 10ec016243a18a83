/** What happens to images on their way, as Docker's daemon tells it. */
import { shortId } from '#base/ids.ts';
import { unreachable } from '#base/unreachable.ts';
import type { ImageProgress, LayerMovement, LayerStep } from '#image/image-progress.ts';
import type { ProgressMessage } from '#wire/image.ts';

const BAR_WIDTH = 50;
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

const STEPS: Readonly<Record<LayerStep, string>> = {
  present: 'Already exists',
  queued: 'Pulling fs layer',
  waiting: 'Waiting',
  verifying: 'Verifying Checksum',
  downloaded: 'Download complete',
  completed: 'Pull complete',
  preparing: 'Preparing',
  'at-registry': 'Layer already exists',
  pushed: 'Pushed',
};

const MOVEMENTS = {
  downloading: 'Downloading',
  extracting: 'Extracting',
  preparing: 'Preparing',
  pushing: 'Pushing',
} as const;

export async function* encodeProgress(
  progress: AsyncIterable<ImageProgress>,
): AsyncGenerator<ProgressMessage, void> {
  for await (const each of progress) yield* progressMessages(each);
}

export function progressMessages(progress: ImageProgress): readonly ProgressMessage[] {
  switch (progress.kind) {
    case 'layer':
    case 'layer-bytes':
    case 'layer-mounted':
      return [movementMessage(progress)];
    case 'pulling':
      return [{ status: `Pulling from ${progress.path}`, id: progress.target }];
    case 'resolved':
      return [{ status: `Digest: ${progress.digest}` }];
    case 'pulled': {
      const outcome = progress.isNew ? 'Downloaded newer image' : 'Image is up to date';
      return [{ status: `Status: ${outcome} for ${progress.name}` }];
    }
    case 'pushing':
      return [{ status: `The push refers to repository [${progress.repository}]` }];
    case 'pushed-tag': {
      const { tag, digest, sizeBytes } = progress;
      return [
        { status: `${tag}: digest: ${digest} size: ${sizeBytes}` },
        { progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: sizeBytes } },
      ];
    }
    case 'arrived': {
      const { file, sizeBytes } = progress;
      const progressDetail = { current: sizeBytes, total: sizeBytes };
      return [{ status: 'Loading layer', id: shortId(file), progressDetail }];
    }
    case 'renamed': {
      const { name, previous } = progress;
      const stream = `The image ${name} already exists, renaming the old one with ID ${previous} to empty string\n`;
      return [{ stream }];
    }
    case 'loaded':
      if (progress.names.length === 0) return [{ stream: `Loaded image ID: ${progress.id}\n` }];
      return progress.names.map((name) => ({ stream: `Loaded image: ${name}\n` }));
  }
  return unreachable(progress);
}

function movementMessage(movement: LayerMovement): ProgressMessage {
  const id = shortId(movement.layer);
  switch (movement.kind) {
    case 'layer':
      return { status: STEPS[movement.step], progressDetail: {}, id };
    case 'layer-mounted':
      return { status: `Mounted from ${movement.from}`, progressDetail: {}, id };
    case 'layer-bytes': {
      const { doneBytes: current, totalBytes: total } = movement;
      const progress = progressBar(current, total);
      return { status: MOVEMENTS[movement.step], progressDetail: { current, total }, progress, id };
    }
  }
  return unreachable(movement);
}

/** `[=>      ]  42.5kB/2.025MB`, as Docker's daemon draws it. */
export function progressBar(current: number, total: number): string {
  if (total <= 0) return humanSize(current).padStart(8);
  const percent = Math.min(100, Math.floor((current / total) * 100));
  const filled = Math.floor((percent / 100) * BAR_WIDTH);
  const bar =
    filled >= BAR_WIDTH
      ? `${'='.repeat(BAR_WIDTH)}>`
      : `${'='.repeat(filled)}>${' '.repeat(BAR_WIDTH - filled)}`;
  const sizes =
    current >= total
      ? humanSize(current).padStart(8)
      : `${humanSize(current).padStart(8)}/${humanSize(total)}`;
  return `[${bar}] ${sizes}`;
}

/** Four significant digits, powers of 1000 (go-units' HumanSize). */
function humanSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${Number(size.toPrecision(4))}${UNITS[unit]}`;
}
