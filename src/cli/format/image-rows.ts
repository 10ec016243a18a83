import type { ImageSummary } from '#wire/image.ts';
import { Row } from '../template/value.ts';
import type { Listing } from './rows.ts';
import { humanSize } from './sizes.ts';
import { truncateId } from './text.ts';
import { ago, goTime } from './times.ts';

const headings = {
  ID: 'IMAGE ID',
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
  Containers: 'CONTAINERS',
  VirtualSize: 'SIZE',
  SharedSize: 'SHARED SIZE',
  UniqueSize: 'UNIQUE SIZE',
};

export function imageListing(digests: boolean): Listing {
  const digest = digests ? ['Digest'] : [];
  const digestLine = digest.length > 0 ? 'digest: {{.Digest}}\n' : '';
  return {
    headings,
    columns: ['Repository', 'Tag', ...digest, 'ID', 'CreatedSince', 'Size'],
    raw: `repository: {{.Repository}}\ntag: {{.Tag}}\n${digestLine}image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n`,
  };
}

export const imageUsageListing: Listing = {
  headings,
  columns: ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size', 'SharedSize', 'UniqueSize', 'Containers'],
};

const NONE = '<none>';

interface ImageName {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

/** An image as the formats of `images` see it: a row for each of its names. */
export function imageRows(
  image: ImageSummary,
  options: { readonly noTrunc: boolean; readonly digests: boolean },
): readonly Row[] {
  return namesOf(image, options.digests).map((name) => imageRow(image, name, options.noTrunc));
}

function imageRow(image: ImageSummary, { repository, tag, digest }: ImageName, noTrunc: boolean): Row {
  const unique = image.SharedSize < 0 ? 'N/A' : humanSize(image.Size - image.SharedSize);
  return new Row({
    ID: () => (noTrunc ? image.Id : truncateId(image.Id)),
    Repository: () => repository,
    Tag: () => tag,
    Digest: () => digest,
    CreatedSince: () => ago(image.Created),
    CreatedAt: () => goTime(image.Created),
    Size: () => humanSize(image.Size, 3),
    Containers: () => (image.Containers < 0 ? 'N/A' : String(image.Containers)),
    VirtualSize: () => humanSize(image.Size),
    SharedSize: () => (image.SharedSize < 0 ? 'N/A' : humanSize(image.SharedSize)),
    UniqueSize: () => unique,
  });
}

function namesOf({ RepoTags, RepoDigests }: ImageSummary, digests: boolean): readonly ImageName[] {
  const tags = (RepoTags ?? []).filter((name) => name !== '<none>:<none>').map(splitTag);
  const byDigest = (RepoDigests ?? []).filter((name) => name !== '<none>@<none>').map(splitDigest);
  if (tags.length + byDigest.length === 0) return [{ repository: NONE, tag: NONE, digest: NONE }];
  if (!digests) {
    return tags.length > 0 ? tags : unique(byDigest.map(({ repository }) => repository)).map(untagged);
  }
  return digestNames(tags, byDigest);
}

function digestNames(tags: readonly ImageName[], digests: readonly ImageName[]): readonly ImageName[] {
  const rows = tags.flatMap((tag) => {
    const matching = digests.filter(({ repository }) => repository === tag.repository);
    return matching.length === 0 ? [tag] : matching.map(({ digest }) => ({ ...tag, digest }));
  });
  const tagged = new Set(tags.map(({ repository }) => repository));
  return [...rows, ...digests.filter(({ repository }) => !tagged.has(repository))];
}

function splitTag(name: string): ImageName {
  const colon = name.lastIndexOf(':');
  return { repository: familiar(name.slice(0, colon)), tag: name.slice(colon + 1), digest: NONE };
}

function splitDigest(name: string): ImageName {
  const at = name.indexOf('@');
  return { repository: familiar(name.slice(0, at)), tag: NONE, digest: name.slice(at + 1) };
}

function untagged(repository: string): ImageName {
  return { repository, tag: NONE, digest: NONE };
}

/** Docker Hub's prefixes are left out. */
function familiar(repository: string): string {
  return repository.replace(/^(?:docker\.io\/)(?:library\/)?/, '');
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
