/**
 * What a registry knows about its repositories. Every change is one transaction; await `durable()` before
 * acknowledging it.
 */
import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { fieldsOf } from '#base/json.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import type { Metadata, Migrations } from '#store/metadata.ts';

export const registryMigrations: Migrations = {
  domain: 'registry',
  steps: [
    `CREATE TABLE registry_blobs (
       repository TEXT NOT NULL,
       digest TEXT NOT NULL,
       linked_at_ms INTEGER NOT NULL,
       PRIMARY KEY (repository, digest)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX registry_blobs_by_digest ON registry_blobs (digest);
     CREATE TABLE registry_manifests (
       repository TEXT NOT NULL,
       digest TEXT NOT NULL,
       media_type TEXT NOT NULL,
       size_bytes INTEGER NOT NULL,
       subject TEXT,
       artifact_type TEXT,
       annotations TEXT,
       pushed_at_ms INTEGER NOT NULL,
       PRIMARY KEY (repository, digest)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX registry_manifests_by_digest ON registry_manifests (digest);
     CREATE INDEX registry_manifests_by_subject ON registry_manifests (repository, subject, digest);
     CREATE TABLE registry_references (
       repository TEXT NOT NULL,
       manifest TEXT NOT NULL,
       digest TEXT NOT NULL,
       PRIMARY KEY (repository, manifest, digest),
       FOREIGN KEY (repository, manifest) REFERENCES registry_manifests (repository, digest) ON DELETE CASCADE
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX registry_references_by_digest ON registry_references (repository, digest);
     CREATE TABLE registry_tags (
       repository TEXT NOT NULL,
       tag TEXT NOT NULL,
       digest TEXT NOT NULL,
       PRIMARY KEY (repository, tag),
       FOREIGN KEY (repository, digest) REFERENCES registry_manifests (repository, digest) ON DELETE CASCADE
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX registry_tags_by_digest ON registry_tags (repository, digest);
     CREATE TABLE registry_uploads (
       session TEXT PRIMARY KEY,
       repository TEXT NOT NULL,
       used_at_ms INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;`,
  ],
};

/** A manifest without its bytes, which are a blob. */
export interface ManifestRow {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly subject?: Digest;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface NewManifest extends ManifestRow {
  /** Blobs and manifests that it names, its subject excepted. */
  readonly references: readonly Digest[];
}

/** A page of a sorted list: what comes after `last`, at most `limit`. */
export interface Page {
  readonly last: string;
  readonly limit: number;
}

export interface UploadRow {
  readonly session: string;
  readonly repository: string;
  readonly usedAtMs: number;
}

type Row = Readonly<Record<string, SQLOutputValue>>;

export class RegistryTable {
  readonly #metadata: Metadata;
  readonly #statements = new Map<string, StatementSync>();

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  durable(): Promise<void> {
    return this.#metadata.durable();
  }

  transaction<T>(work: () => T): T {
    return this.#metadata.transaction(work);
  }

  hasBlob(repository: string, digest: Digest): boolean {
    return (
      this.#first('SELECT 1 FROM registry_blobs WHERE repository = ? AND digest = ?', repository, digest) !==
      undefined
    );
  }

  repositoryWithBlob(digest: Digest): string | undefined {
    const row = this.#first('SELECT repository FROM registry_blobs WHERE digest = ? LIMIT 1', digest);
    return row && String(row['repository']);
  }

  /** Linking again renews the grace that collection gives. */
  linkBlob(repository: string, digest: Digest): void {
    this.#run('INSERT OR REPLACE INTO registry_blobs VALUES (?, ?, ?)', repository, digest, Date.now());
  }

  /** @returns false if there was no such link */
  unlinkBlob(repository: string, digest: Digest): boolean {
    return (
      this.#run('DELETE FROM registry_blobs WHERE repository = ? AND digest = ?', repository, digest) > 0
    );
  }

  manifest(repository: string, digest: Digest): ManifestRow | undefined {
    const row = this.#first(
      'SELECT * FROM registry_manifests WHERE repository = ? AND digest = ?',
      repository,
      digest,
    );
    return row && manifestOf(row);
  }

  /** One manifest of the repository that names `digest` among its parts. */
  manifestNaming(repository: string, digest: Digest): string | undefined {
    const row = this.#first(
      'SELECT manifest FROM registry_references WHERE repository = ? AND digest = ? LIMIT 1',
      repository,
      digest,
    );
    return row && String(row['manifest']);
  }

  tagged(repository: string, tag: string): Digest | undefined {
    const row = this.#first(
      'SELECT digest FROM registry_tags WHERE repository = ? AND tag = ?',
      repository,
      tag,
    );
    return row && parseDigest(String(row['digest']));
  }

  /** Adds the manifest where it is new, and moves the tag to it. */
  putManifest(repository: string, manifest: NewManifest, tag: string | undefined): void {
    this.transaction(() => {
      if (!this.manifest(repository, manifest.digest)) this.#insertManifest(repository, manifest);
      if (tag !== undefined) this.#setTag(repository, tag, manifest.digest);
    });
  }

  setTag(repository: string, tag: string, digest: Digest): void {
    this.transaction(() => this.#setTag(repository, tag, digest));
  }

  /** Its tags go with it. @returns false if there was none */
  deleteManifest(repository: string, digest: Digest): boolean {
    return (
      this.#run('DELETE FROM registry_manifests WHERE repository = ? AND digest = ?', repository, digest) > 0
    );
  }

  deleteTag(repository: string, tag: string): boolean {
    return this.#run('DELETE FROM registry_tags WHERE repository = ? AND tag = ?', repository, tag) > 0;
  }

  /** True once anything was pushed and while anything is left. */
  hasRepository(repository: string): boolean {
    const isThere = (table: string) =>
      this.#first(`SELECT 1 FROM ${table} WHERE repository = ? LIMIT 1`, repository);
    return (isThere('registry_manifests') ?? isThere('registry_blobs')) !== undefined;
  }

  tags(repository: string, { last, limit }: Page): readonly string[] {
    const rows = this.#all(
      'SELECT tag FROM registry_tags WHERE repository = ? AND tag > ? ORDER BY tag LIMIT ?',
      repository,
      last,
      limit,
    );
    return rows.map((row) => String(row['tag']));
  }

  repositories({ last, limit }: Page): readonly string[] {
    const rows = this.#all(
      'SELECT DISTINCT repository FROM registry_manifests WHERE repository > ? ORDER BY repository LIMIT ?',
      last,
      limit,
    );
    return rows.map((row) => String(row['repository']));
  }

  /** Referrers, ordered by digest. An empty `artifactType` means all. */
  referrers(
    repository: string,
    subject: Digest,
    artifactType: string,
    { last, limit }: Page,
  ): readonly ManifestRow[] {
    const rows = this.#all(
      `SELECT * FROM registry_manifests WHERE repository = ? AND subject = ? AND digest > ?
         AND ? IN ('', artifact_type) ORDER BY digest LIMIT ?`,
      repository,
      subject,
      last,
      artifactType,
      limit,
    );
    return rows.map(manifestOf);
  }

  addUpload(session: string, repository: string): void {
    this.#run('INSERT INTO registry_uploads VALUES (?, ?, ?)', session, repository, Date.now());
  }

  touchUpload(session: string): void {
    this.#run('UPDATE registry_uploads SET used_at_ms = ? WHERE session = ?', Date.now(), session);
  }

  deleteUpload(session: string): void {
    this.#run('DELETE FROM registry_uploads WHERE session = ?', session);
  }

  uploads(): readonly UploadRow[] {
    return this.#all('SELECT * FROM registry_uploads').map((row) => ({
      session: String(row['session']),
      repository: String(row['repository']),
      usedAtMs: Number(row['used_at_ms']),
    }));
  }

  /** What a query of `repository` and `digest` finds, for collection. */
  links(
    sql: string,
    ...values: readonly (string | number)[]
  ): readonly { readonly repository: string; readonly digest: Digest }[] {
    return this.#all(sql, ...values).map((row) => ({
      repository: String(row['repository']),
      digest: parseDigest(String(row['digest'])),
    }));
  }

  /** True if the query finds anything, for collection. */
  finds(sql: string, ...values: readonly (string | number)[]): boolean {
    return this.#first(sql, ...values) !== undefined;
  }

  #insertManifest(repository: string, manifest: NewManifest): void {
    this.#run(
      'INSERT INTO registry_manifests VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      repository,
      manifest.digest,
      manifest.mediaType,
      manifest.sizeBytes,
      manifest.subject ?? null,
      manifest.artifactType ?? null,
      manifest.annotations ? JSON.stringify(manifest.annotations) : null,
      Date.now(),
    );
    for (const digest of new Set(manifest.references))
      this.#run('INSERT INTO registry_references VALUES (?, ?, ?)', repository, manifest.digest, digest);
  }

  #setTag(repository: string, tag: string, digest: Digest): void {
    this.#run('INSERT OR REPLACE INTO registry_tags VALUES (?, ?, ?)', repository, tag, digest);
  }

  #run(sql: string, ...values: readonly (string | number | null)[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  #first(sql: string, ...values: readonly (string | number)[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  #all(sql: string, ...values: readonly (string | number)[]): readonly Row[] {
    return this.#prepare(sql).all(...values);
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#metadata.database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function manifestOf(row: Row): ManifestRow {
  const { subject, artifact_type: artifactType, annotations } = row;
  return {
    digest: parseDigest(String(row['digest'])),
    mediaType: String(row['media_type']),
    sizeBytes: Number(row['size_bytes']),
    ...(typeof subject === 'string' ? { subject: parseDigest(subject) } : undefined),
    ...(typeof artifactType === 'string' ? { artifactType } : undefined),
    ...(typeof annotations === 'string' ? { annotations: annotationsOf(annotations) } : undefined),
  };
}

/** Ours: written by `putManifest`. */
function annotationsOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(JSON.parse(text))).map(([name, item]) => [name, String(item)]),
  );
}
