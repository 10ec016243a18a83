import { EngineError, isEngineError } from '#base/errors.ts';
import type { ImageRecord } from '#image/image-record.ts';
import { matchesPlatform } from '#oci/platform.ts';
import { familiarReference, isReference, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { Lease } from '#store/content.ts';
import type { UsedImage } from '../attest/materials.ts';
import { type BaseImage, keyOf } from './base-image.ts';
import type { NamedImages } from '../dependencies.ts';
import { permittedImage } from '../policy/permitted-sources.ts';
import { SourcePolicies } from '../policy/source-policies.ts';
import type { KeyedLock } from '#base/keyed-lock.ts';
import { findImage } from './find-image.ts';
import type { BuildProgress, ProgressTask } from '../progress/build-progress.ts';
import type { BuildRequest } from '../build.ts';
import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import { runsNatively } from '#container/program/emulation.ts';
import type { LayerIntake } from '../cache-transfer/local-cache.ts';
import { type LayoutContext, layoutOfName, readLayoutImage } from './layout-image.ts';
import { fullName } from '../plan/step-titles.ts';

/** As clients call it where they keep credentials. */
const DOCKER_HUB = 'https://index.docker.io/v1/';

export interface BaseImageWork {
  readonly images: NamedImages;
  /** Stores layers of images that the client keeps. */
  readonly intake: LayerIntake;
  /** Locks by reference: an image is pulled once at a time. */
  readonly pulls: KeyedLock<string>;
}

export interface BaseImagesOptions {
  readonly request: BuildRequest;
  readonly progress: BuildProgress;
  /** Protects the images for the build's time. */
  readonly lease: Lease;
}

/** The images that a build begins with: those that are here, or a registry has. */
export class BaseImages {
  readonly #work: BaseImageWork;
  readonly #options: BaseImagesOptions;
  readonly #policies: SourcePolicies;
  readonly #used: UsedImage[] = [];
  readonly #found = new Map<string, Promise<ImageRecord>>();
  readonly #records = new Map<string, ImageRecord>();

  constructor(work: BaseImageWork, options: BaseImagesOptions) {
    this.#work = work;
    this.#options = options;
    this.#policies = new SourcePolicies(options.request.sourcePolicies);
  }

  /** The images that were used until now, but for those that only this client has. */
  get used(): readonly UsedImage[] {
    return this.#used;
  }

  /**
   * Pulled where it is not here for its platform, or where the client wants it fresh; each once in a build. Source
   * policies may put another image in its place.
   */
  async get(image: BaseImage): Promise<ImageRecord> {
    const key = keyOf(image);
    const found = this.#found.get(key) ?? this.#getPermitted(image);
    this.#found.set(key, found);
    const record = await found;
    this.#records.set(key, record);
    return record;
  }

  /** What {@link get} has answered, or would without pulling; undefined where that is not known. */
  known(image: BaseImage): ImageRecord | undefined {
    const record = this.#records.get(keyOf(image));
    if (record || !this.#policies.areNone || layoutOfName(image.name) || !isReference(image.name))
      return record;
    const present = findImage(this.#work.images, image.name);
    return present && matchesPlatform(present.config, image.platform) ? present : undefined;
  }

  async #getPermitted(image: BaseImage): Promise<ImageRecord> {
    const isJudged = !this.#policies.areNone && this.#own(image) === undefined;
    return await this.#get(isJudged ? permittedImage(this.#policies, image) : image);
  }

  async #get(image: BaseImage): Promise<ImageRecord> {
    const { lease } = this.#options;
    const record = await this.#findTold(image);
    for (const { diffId, blob } of record.layers) lease.protect(diffId, blob);
    const isOwn = this.#own(image) !== undefined;
    const name = isOwn ? record.id : image.name;
    if (!layoutOfName(image.name))
      this.#used.push({ ...image, name, record, digests: this.#work.images.referencesOf(record.id) });
    return record;
  }

  /** Results of other builds have no name that people know: they are shown only where the client names them. */
  async #findTold(image: BaseImage): Promise<ImageRecord> {
    const { task } = image;
    const own = this.#own(image);
    if (own && !task) return own;
    const { name = `[internal] load metadata for ${fullName(image.name)}` } = task ?? {};
    return await this.#options.progress.during(name, (told) => this.#find(image, told), task);
  }

  #own({ name }: BaseImage): ImageRecord | undefined {
    return this.#options.request.images?.get(name);
  }

  async #find(image: BaseImage, task: ProgressTask): Promise<ImageRecord> {
    const own = this.#own(image);
    if (own) return own;
    const layout = layoutOfName(image.name);
    if (layout) return await this.#read(layout, image);
    const present = findImage(this.#work.images, image.name);
    const pull = image.pull ?? this.#options.request.pull;
    if (present && !pull && matchesPlatform(present.config, image.platform)) return present;
    try {
      return await this.#pull(image, task);
    } catch (error) {
      // An image that was made here for another platform, or for none, is what the name means.
      if (present && this.#isOwnPlatform(image) && isMissing(error)) return present;
      throw error;
    }
  }

  #isOwnPlatform({ platform }: BaseImage): boolean {
    const { platforms = [], pull } = this.#options.request;
    return platforms.length === 0 && !pull && runsNatively(platform);
  }

  async #read(layout: LayoutContext, { platform }: BaseImage): Promise<ImageRecord> {
    const { lease, request } = this.#options;
    const { session, signal } = request;
    if (!session) throw new EngineError('invalid', 'Cannot use OCI layout: the client has no session');
    return await readLayoutImage(this.#work.intake, layout, { session, platform, lease, signal });
  }

  async #pull({ name, platform }: BaseImage, task: ProgressTask): Promise<ImageRecord> {
    const { images } = this.#work;
    const { request, progress } = this.#options;
    const { signal, session } = request;
    const parsed = parseReference(name);
    const reference = familiarReference(withDefaultTag(parsed));
    const key = parsed.domain === 'docker.io' ? DOCKER_HUB : parsed.domain;
    const credentials = request.credentials[key] ?? (await session?.credentials(parsed.domain, signal));
    const options = { platform: formatPlatform(platform), ...(credentials && { credentials }) };
    // The name means one platform at a time.
    using _lock = await this.#work.pulls.acquire(reference, signal);
    const before = findImage(this.#work.images, reference);
    for await (const pulled of images.pull({ reference, signal, ...options })) progress.pulls(task, pulled);
    const record = images.record(reference);
    const isForeign = before !== undefined && !runsNatively(platform) && runsNatively(before.config);
    if (isForeign) await images.tag(before.id, reference);
    return record;
  }
}

function isMissing(error: unknown): boolean {
  return isEngineError(error, 'not-found') || isEngineError(error, 'unavailable');
}
