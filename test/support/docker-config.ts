import { mkdtempSync, rmSync } from 'node:fs';

/** An empty configuration for Docker's clients: no settings and log-ins of a user, and a place for what they write. */
export const DOCKER_CONFIG: string = mkdtempSync('/tmp/caisson-docker-config-');

process.once('exit', () => rmSync(DOCKER_CONFIG, { recursive: true, force: true }));
