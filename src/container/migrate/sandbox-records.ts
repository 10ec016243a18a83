import type { DatabaseSync } from 'node:sqlite';
import { isObject } from '#base/json.ts';
import { fromFormerSandbox, isFormerSandbox } from '#network/former-sandbox.ts';

/** Sandboxes of containers that run, as they were recorded while a sandbox had one endpoint only. */
export function rewriteSandboxes(database: DatabaseSync): void {
  const update = database.prepare('UPDATE container_containers SET progress = ? WHERE id = ?');
  const rows = database.prepare('SELECT id, progress FROM container_containers').all();
  for (const { id = '', progress: json } of rows) {
    const progress: unknown = JSON.parse(String(json));
    if (!isObject(progress)) continue;
    const { sandbox } = progress;
    if (!isFormerSandbox(sandbox)) continue;
    update.run(JSON.stringify({ ...progress, sandbox: fromFormerSandbox(sandbox) }), String(id));
  }
}
