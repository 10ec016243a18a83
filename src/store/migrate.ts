import type { DatabaseSync } from 'node:sqlite';
import type { Migrations } from './metadata.ts';
import { storeError } from './store-errors.ts';

/**
 * Runs the steps that each domain has not seen yet, all in one transaction.
 *
 * @throws {EngineError} `metadata-newer` if the database has seen steps that this program does not know
 */
export function migrate(database: DatabaseSync, domains: readonly Migrations[]): void {
  database.exec(
    'CREATE TABLE IF NOT EXISTS schema_versions (domain TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT',
  );
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const domain of domains) migrateDomain(database, domain);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

function migrateDomain(database: DatabaseSync, { domain, steps }: Migrations): void {
  const row = database.prepare('SELECT version FROM schema_versions WHERE domain = ?').get(domain);
  const version = Number(row?.['version'] ?? 0);
  if (version > steps.length) throw storeError('metadata-newer', { subject: domain });
  for (const step of steps.slice(version)) {
    if (typeof step === 'string') database.exec(step);
    else step(database);
  }
  if (version === steps.length) return;
  database.prepare('INSERT OR REPLACE INTO schema_versions VALUES (?, ?)').run(domain, steps.length);
}
