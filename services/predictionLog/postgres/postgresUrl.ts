import type { ServiceConfig } from '../../../src/index.ts';

/** Where the rows of all replicas are gathered; null for nowhere. */
export function postgresUrl({ path, postgres }: ServiceConfig['log']): string | null {
  const url = postgres.url ?? process.env['DATABASE_URL'] ?? '';
  // Without a file there is nothing that answers wait for, and nothing to gather.
  return path === null || url === '' ? null : url;
}
