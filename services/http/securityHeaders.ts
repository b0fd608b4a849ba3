import { fastifyHelmet } from '@fastify/helmet';
import { fastify } from 'fastify';

/**
 * What helmet adds to every answer of our services, by name, and what pages may use. It is the same for each, so helmet is
 * asked once: making the policy again for each request cost more than answering a small one.
 */
export async function securityHeaders(): Promise<Readonly<Record<string, string>>> {
  const app = fastify();
  await app.register(fastifyHelmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        objectSrc: ["'none'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
      },
    },
    // Behind a proxy that ends TLS the proxy says so; on a laptop it would lock the browser out.
    strictTransportSecurity: false,
    // For browsers and plug-ins that are gone; each header is work on every answer.
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
  app.get('/', async (_request, reply) => reply.code(204).send());
  const { headers } = await app.inject('/');
  await app.close();
  const { date: _date, connection: _connection, 'content-length': _length, ...added } = headers;
  return {
    ...(added as Record<string, string>),
    'permissions-policy': 'camera=(), geolocation=(), microphone=(self), payment=(), usb=()',
  };
}
