import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';

/** Who counts as one client: the holder of a key or token, else an address (a /64 of IPv6). */
export function clientKey({ client, ip }: Pick<FastifyRequest, 'client' | 'ip'>): string {
  return client === null ? `address ${normalizeIP(ip)}` : `client ${client.name}`;
}
