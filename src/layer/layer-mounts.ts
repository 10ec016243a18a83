import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '#linux/errno.ts';
import { mountErofs, unmountAll } from '#linux/mount.ts';
import { listMounts } from '#linux/mountinfo.ts';
import { type Digest, digestHex, parseDigest } from '#oci/digest.ts';
import { layerPaths } from './layer-directory.ts';

/** A layer that nothing uses stays mounted this long: the next container most often has the same image. */
const LINGER_MS = 30_000;

interface MountedLayer {
  users: number;
  linger: NodeJS.Timeout | undefined;
}

/**
 * The layers that are mounted now, `RUN/layers/HEX`. An overlay keeps its lower file systems by itself; these mounts
 * are there so that all overlays on a layer share one, and its cached pages with it.
 */
export class LayerMounts implements Disposable {
  readonly #runDirectory: string;
  readonly #mounted = new Map<Digest, MountedLayer>();
  #isDisposed = false;

  constructor(runDirectory: string) {
    this.#runDirectory = runDirectory;
    mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  }

  /** Adopts layers that an earlier process left mounted and that still exist; unmounts the rest. */
  adopt(isKnown: (diffId: Digest) => boolean): void {
    const prefix = `${this.#runDirectory}/`;
    const targets = listMounts().flatMap(({ target }) => (target.startsWith(prefix) ? [target] : []));
    for (const target of new Set(targets)) {
      const diffId = diffIdOf(target.slice(prefix.length));
      const isSingle = targets.indexOf(target) === targets.lastIndexOf(target);
      if (diffId && isSingle && isKnown(diffId)) this.#mounted.set(diffId, this.#lingering(diffId));
      else unmountAll(target);
    }
    for (const name of readdirSync(this.#runDirectory)) {
      const diffId = diffIdOf(name);
      if (!diffId || !this.#mounted.has(diffId)) rmdirSync(join(this.#runDirectory, name));
    }
  }

  isMounted(diffId: Digest): boolean {
    return this.#mounted.has(diffId);
  }

  targetOf(diffId: Digest): string {
    return join(this.#runDirectory, digestHex(diffId));
  }

  /** The mounted layer's root; until {@link leave} it stays mounted. */
  enter(diffId: Digest, layerPath: string): string {
    const target = this.targetOf(diffId);
    const present = this.#mounted.get(diffId);
    if (!present) mountLayer(target, layerPath);
    clearTimeout(present?.linger);
    this.#mounted.set(diffId, { users: (present?.users ?? 0) + 1, linger: undefined });
    return target;
  }

  leave(diffId: Digest): void {
    const mounted = this.#mounted.get(diffId);
    if (!mounted || mounted.users === 0) return;
    mounted.users--;
    if (mounted.users > 0) return;
    if (this.#isDisposed) this.drop(diffId);
    else this.#mounted.set(diffId, this.#lingering(diffId));
  }

  /** Other files have taken the place of the layer's: who enters it from now on gets those. */
  replace(diffId: Digest, layerPath: string): void {
    const mounted = this.#mounted.get(diffId);
    if (!mounted) return;
    if (mounted.users === 0) return this.drop(diffId);
    unmountAll(this.targetOf(diffId));
    mountLayer(this.targetOf(diffId), layerPath);
  }

  /** Unmounts a layer that is about to be removed. */
  drop(diffId: Digest): void {
    const mounted = this.#mounted.get(diffId);
    if (!mounted) return;
    clearTimeout(mounted.linger);
    this.#mounted.delete(diffId);
    this.#detach(this.targetOf(diffId));
  }

  /**
   * Unmounts what nothing uses, and later what work that is just ending has used; what containers use outlives the
   * process with them.
   */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const [diffId, { users }] of this.#mounted) if (users === 0) this.drop(diffId);
  }

  #lingering(diffId: Digest): MountedLayer {
    return { users: 0, linger: setTimeout(() => this.drop(diffId), LINGER_MS).unref() };
  }

  #detach(target: string): void {
    unmountAll(target);
    rmdirSync(target);
  }
}

function mountLayer(target: string, layerPath: string): void {
  const { index, tar: device } = layerPaths(layerPath);
  mkdirSync(target, { recursive: true, mode: 0o700 });
  try {
    mountErofs({ target, index, device });
  } catch (error) {
    if (!isErrno(error, 'EBUSY')) rmdirSync(target);
    throw error;
  }
}

function diffIdOf(name: string): Digest | undefined {
  return /^[0-9a-f]{64}$/.test(name) ? parseDigest(`sha256:${name}`) : undefined;
}
