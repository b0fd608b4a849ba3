import type { FastifyRequest } from 'fastify';
import type { Received } from '../http/receiveAudio.ts';
import type { RequestSpan } from '../http/tracing.ts';
import type { Client } from './deadline.ts';

/** What a recording is predicted for: a request, or the job that a request has made. */
export interface Requester extends Pick<FastifyRequest, 'id' | 'url' | 'log'> {
  readonly routeOptions: { readonly url?: string | undefined };
  /** Null where the request is not traced, and for a job, whose request has ended. */
  readonly span?: RequestSpan | null;
  /** What ends the work early. */
  readonly socket: Client;
}

/** The recordings of a requester. */
export interface Upload extends Pick<Received, 'files' | 'receiveMs'> {
  /** Where they were recorded, as the client calls it. */
  readonly place?: string | undefined;
}
