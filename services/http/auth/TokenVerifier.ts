/** JSON Web Tokens of an OpenID Connect provider, checked against its public keys. */
import { readFile } from 'node:fs/promises';
import type { FastifyBaseLogger } from 'fastify';
import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { AutobirdError } from '../../../src/index.ts';
import { HttpProblem } from '../HttpProblem.ts';
import type { AuthConfig, Client, Role } from './roles.ts';

type JwtConfig = AuthConfig['jwt'];

export class TokenVerifier {
  readonly #config: JwtConfig;
  readonly #keys: JWTVerifyGetKey;
  readonly #logger: FastifyBaseLogger;

  private constructor(config: JwtConfig, keys: JWTVerifyGetKey, logger: FastifyBaseLogger) {
    this.#config = config;
    this.#keys = keys;
    this.#logger = logger;
  }

  /** Null where no tokens are taken. @throws AutobirdError `bad_jwt_settings` where settings are missing or no keys can be read */
  static async open(config: JwtConfig, logger: FastifyBaseLogger): Promise<TokenVerifier | null> {
    const { jwks, issuer, audience } = config;
    if (jwks === null) return null;
    // A token for another service of the same provider must not be good here.
    if (issuer === null || audience === null) {
      throw new AutobirdError(
        'bad_jwt_settings',
        'service.auth.jwt.jwks needs service.auth.jwt.issuer and service.auth.jwt.audience: whose tokens are taken, and made for whom',
      );
    }
    const keys = /^https?:/.test(jwks) ? remoteKeys(jwks) : await localKeys(jwks);
    return new TokenVerifier(config, keys, logger);
  }

  /** Whose token it is, null where it is not good. @throws HttpProblem 503 where the provider's keys cannot be had */
  async verify(token: string): Promise<Client | null> {
    const { issuer, audience, algorithms, clockToleranceS, rolesClaim } = this.#config;
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer: issuer as string,
        audience: audience as string,
        algorithms,
        clockTolerance: clockToleranceS,
        requiredClaims: ['exp', 'sub'],
      });
      // No key has such a name: a token cannot use up the rate of a key, nor sign the log as one.
      return { name: `token:${(payload.sub as string).slice(0, 200)}`, roles: rolesOf(payload, rolesClaim) };
    } catch (error) {
      if (isRefusal(error)) return null;
      this.#logger.warn({ err: error }, 'The keys of the token provider cannot be had');
      throw new HttpProblem(503, 'auth_unavailable', 'The keys of the token provider cannot be had: try again', {
        retryAfterS: 5,
      });
    }
  }
}

function remoteKeys(jwks: string): JWTVerifyGetKey {
  const url = new URL(jwks);
  if (url.protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)) {
    throw new AutobirdError(
      'bad_jwt_settings',
      `Expected an https:// address for service.auth.jwt.jwks but received ${jwks}: keys that come in the clear can be exchanged on the way`,
    );
  }
  return createRemoteJWKSet(url);
}

async function localKeys(path: string): Promise<JWTVerifyGetKey> {
  try {
    return createLocalJWKSet(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    throw new AutobirdError(
      'bad_jwt_settings',
      `Expected a JSON Web Key Set in ${path} (service.auth.jwt.jwks): ${(error as Error).message}`,
    );
  }
}

/** What is wrong with the token itself; anything else is wrong with us or the provider. */
function isRefusal(error: unknown): boolean {
  const ofProvider = [errors.JWKSTimeout, errors.JWKSInvalid];
  if (ofProvider.some((kind) => error instanceof kind)) return false;
  // jose says a provider's wrong status or body by its base class alone.
  return error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC';
}

/** A list, or words in one text as in `scope`; the claim may lie deeper (`realm_access.roles`). */
function rolesOf(payload: JWTPayload, claim: string): ReadonlySet<Role> {
  let found: unknown = payload[claim];
  if (found === undefined) {
    found = payload;
    for (const key of claim.split('.')) {
      found = found !== null && typeof found === 'object' ? (found as Record<string, unknown>)[key] : undefined;
    }
  }
  const words = typeof found === 'string' ? found.split(/\s+/) : Array.isArray(found) ? found : [];
  // Words that are no role of ours open no route: each route needs one of ours by its name.
  return new Set(words as Role[]);
}
