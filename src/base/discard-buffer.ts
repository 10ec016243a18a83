/**
 * Gives a buffer's memory back now rather than at some collection to come: what streams through at hundreds of
 * megabytes a second would pile up. The buffer must not be used afterwards.
 *
 * Only a buffer that is all of its memory is discarded, since a part may share it with others.
 */
export function discardBuffer({ buffer, byteOffset, byteLength }: Uint8Array): void {
  const isWhole = byteOffset === 0 && byteLength === buffer.byteLength;
  if (isWhole && buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
