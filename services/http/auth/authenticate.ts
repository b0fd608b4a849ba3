/** A client is known by its headers, before anything of a body is read; its route says which role it needs. */
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { HttpProblem } from '../HttpProblem.ts';
import { isHealth } from '../health.ts';
import { KeyRing } from './KeyRing.ts';
import type { AuthConfig, Role } from './roles.ts';
import { TokenVerifier } from './TokenVerifier.ts';

/** Longer than any key or token that makes sense. */
const maxCredentialLength = 8192;

export interface Authentication {
  /** Sets `request.client`; never refuses a request. */
  readonly identify: onRequestAsyncHookHandler;
  /** Refuses with 401 or 403. */
  readonly authorize: onRequestAsyncHookHandler;
}

export interface AuthenticationOptions {
  /** The role that routes need which name none; default `read` for GET and HEAD, else `predict`. */
  readonly role?: Role | undefined;
  /** How often the keys file is read again. */
  readonly reloadS: number;
}

export function authConfigured({ keys, keysFile, jwt }: AuthConfig): boolean {
  return keys.length > 0 || keysFile !== null || jwt.jwks !== null;
}

/** @throws AutobirdError `bad_keys_file`, `bad_jwt_settings` */
export async function openAuthentication(
  app: FastifyInstance,
  config: AuthConfig,
  { role, reloadS }: AuthenticationOptions,
): Promise<Authentication> {
  const keys = await KeyRing.open(config);
  const tokens = await TokenVerifier.open(config.jwt, app.log);
  const timer = setInterval(() => {
    keys.refresh().catch((error) => app.log.error({ err: error }, 'The keys stay as they were'));
  }, 1000 * reloadS).unref();
  app.addHook('onClose', async () => clearInterval(timer));
  const isPublic = matcherOf(config.publicRoutes);
  return {
    identify: async (request) => {
      const credential = credentialOf(request);
      if (credential === null || credential.length > maxCredentialLength) return;
      const isToken = tokens !== null && credential.split('.').length === 3;
      request.client = isToken ? await tokens.verify(credential) : keys.find(credential);
    },
    authorize: async (request, reply) => {
      const { url } = request.routeOptions;
      if (request.is404 || url === undefined || isHealth(request) || isPublic(url)) return;
      if (request.client === null) throw unauthorized(request, reply);
      const needed = request.routeOptions.config.role ?? role ?? roleOf(request);
      const { roles } = request.client;
      if (!roles.has(needed) && !(needed === 'metrics' && roles.has('manage'))) {
        throw new HttpProblem(
          403,
          'forbidden',
          `${request.client.name} has no role "${needed}", which this needs: ask the operator of this service for it`,
        );
      }
    },
  };
}

/**
 * `x-api-key` comes first: in front of Cloud Run and the like the other header belongs to the proxy. The WebSocket of a browser
 * can send none but a list of protocols, in which `bearer.KEY` may be one.
 */
function credentialOf({ headers }: FastifyRequest): string | null {
  const key = headers['x-api-key'];
  if (typeof key === 'string') return key;
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '');
  const protocol = /(?:^|,)\s*bearer\.([^\s,]+)/.exec(headers['sec-websocket-protocol'] ?? '');
  return (bearer ?? protocol)?.[1] ?? null;
}

function unauthorized(request: FastifyRequest, reply: FastifyReply): HttpProblem {
  const given = credentialOf(request) !== null;
  reply.header('www-authenticate', `Bearer realm="autobird"${given ? ', error="invalid_token"' : ''}`);
  return new HttpProblem(
    401,
    given ? 'invalid_credentials' : 'missing_credentials',
    given
      ? 'The key or token is not known, or no longer: ask the operator of this service for another one'
      : 'Send a key as x-api-key, or a key or token as Authorization: Bearer',
  );
}

function roleOf({ method, headers }: FastifyRequest): Role {
  // A WebSocket begins with GET, and recordings follow.
  return (method === 'GET' || method === 'HEAD') && headers.upgrade === undefined ? 'read' : 'predict';
}

/** Routes by their pattern; `/docs/*` stands for what begins so. A slash at the end makes no difference, as in routing. */
function matcherOf(routes: readonly string[]): (url: string) => boolean {
  const plain = (url: string) => url.replace(/(.)\/$/, '$1');
  const exact = new Set(routes.filter((route) => !route.endsWith('*')).map(plain));
  const prefixes = routes.filter((route) => route.endsWith('*')).map((route) => route.slice(0, -1));
  return (url) => exact.has(plain(url)) || prefixes.some((prefix) => `${plain(url)}/`.startsWith(prefix));
}
