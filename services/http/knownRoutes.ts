import type { FastifyInstance, RouteOptions } from 'fastify';
import findMyWay, { type HTTPMethod } from 'find-my-way';

declare module 'fastify' {
  interface FastifyInstance {
    /** The methods that `url` is served for (HEAD and OPTIONS aside); none where it is no route. */
    methodsAt(url: string): readonly string[];
  }
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/**
 * Lets `app.methodsAt` tell a wrong method from an unknown path. Fastify's own `hasRoute` knows patterns only, so the routes are
 * put once more into the router that Fastify uses. Comes before the first route.
 */
export function knowRoutes(app: FastifyInstance, routerOptions: findMyWay.Config<findMyWay.HTTPVersion.V1>): void {
  const router = findMyWay(routerOptions);
  app.addHook('onRoute', ({ method, url }: RouteOptions) => {
    for (const one of [method].flat()) {
      if (router.findRoute(one as HTTPMethod, url) === null) router.on(one as HTTPMethod, url, () => {});
    }
  });
  app.decorate('methodsAt', (url: string) => methods.filter((method) => router.find(method, url) !== null));
}
