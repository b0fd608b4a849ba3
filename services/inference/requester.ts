import type { FastifyRequest } from 'fastify';
import type { Received } from '../http/receiveAudio.ts';
import type { RequestSpan } from '../http/tracing.ts';
import type { Waiting } from './deadline.ts';

/** Whom a recording is predicted for: a request, or the job that a request has left behind. */
export interface Requester extends Pick<FastifyRequest, 'id' | 'url' | 'log'> {
  readonly routeOptions: { readonly url?: string | undefined };
  /** What is traced of it; none of a job, whose request has ended. */
  readonly span?: RequestSpan | null;
  /** Whose leaving ends the work. */
  readonly socket: Waiting;
}

/** The recordings of a requester. */
export interface Upload extends Pick<Received, 'files' | 'receiveMs'> {
  /** Where they were recorded, as the client calls it. */
  readonly place?: string | undefined;
}
