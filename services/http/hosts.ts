/**
 * Which names a service is reached by. A web page whose name was made to point at 127.0.0.1 (DNS rebinding) has the browser send
 * requests here as if to its own origin: only the name in `Host`, which is then the page's, gives it away.
 */
import { isIP } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ServiceConfig } from '../../src/index.ts';
import { HttpProblem } from './HttpProblem.ts';
import { isHealth } from './health.ts';

const loopback = /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/;

/** Whether `host` is this machine, as it calls itself. */
export function isLoopback(host: string): boolean {
  return loopback.test(host);
}

/**
 * Refuses requests for other hosts and from pages of other hosts. At a loopback address only loopback names pass, and `hosts`; at any
 * other address every name does, or only `hosts` and addresses where `hosts` names any. Pages of `cors.origins` pass everywhere,
 * and so do health routes.
 */
export function refuseForeignHosts(
  app: FastifyInstance,
  { hosts, cors }: Pick<ServiceConfig, 'hosts' | 'cors'>,
  address: string,
): void {
  const atLoopback = isLoopback(address);
  if (!atLoopback && hosts.length === 0) return;
  const named = new Set(hosts.map((host) => host.toLowerCase()));
  const passes = (name: string) => isLoopback(name) || named.has(name) || (!atLoopback && isAddress(name));
  const origins = new Set(cors.origins);
  app.addHook('onRequest', (request, _reply, done) => {
    const { host = '', origin } = request.headers;
    if (isHealth(request)) done();
    // No browser leaves it out.
    else if (host !== '' && !passes(nameOf(host))) done(foreign('foreign_host', `for ${host}`, nameOf(host)));
    else if (origin !== undefined && !origins.has(origin) && !origins.has('*') && !passes(nameOfOrigin(origin)))
      done(foreign('foreign_origin', `from pages of ${origin}`, nameOfOrigin(origin)));
    else done();
  });
}

/** Whether the page that `request` comes from, if it comes from one, is the service's own, or of `hosts` or `cors.origins`. */
export function isOwnPage(
  { headers, host }: Pick<FastifyRequest, 'headers' | 'host'>,
  { hosts, cors }: Pick<ServiceConfig, 'hosts' | 'cors'>,
): boolean {
  const { origin } = headers;
  if (origin === undefined || cors.origins.some((allowed) => allowed === origin || allowed === '*')) return true;
  if (!URL.canParse(origin)) return false;
  return new URL(origin).host === host || hosts.some((name) => name.toLowerCase() === nameOfOrigin(origin));
}

/** Of `Host`: without the port, in small letters. */
function nameOf(host: string): string {
  return host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
}

/** Empty for `null`, the origin of files and sandboxes. */
function nameOfOrigin(origin: string): string {
  return URL.canParse(origin) ? nameOf(new URL(origin).hostname) : '';
}

function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

function foreign(code: string, what: string, name: string): HttpProblem {
  return new HttpProblem(
    403,
    code,
    `This service takes no requests ${what}: where they are meant for it, name ${name || 'the host'} in service.hosts`,
  );
}
