/** Which trace a request belongs to, as its caller says it. */
import type { IncomingHttpHeaders } from 'node:http';

export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits; null where the caller names none. */
  readonly spanId: string | null;
  readonly sampled: boolean;
  /** W3C `tracestate`, for those who come after. */
  readonly state: string | null;
}

/** W3C `traceparent`, else Cloud Run's `x-cloud-trace-context`; null without a valid one. */
export function traceContextOf(headers: IncomingHttpHeaders): TraceContext | null {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent === 'string') {
    // A later version may say more behind; `ff` is none.
    const [, version, traceId, spanId, flags] =
      /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:$|-)/.exec(traceparent) ?? [];
    const valid = version !== undefined && version !== 'ff' && (version !== '00' || traceparent.length === 55);
    if (valid && !isZero(traceId) && !isZero(spanId)) {
      const sampled = (Number.parseInt(flags as string, 16) & 1) === 1;
      return { traceId: traceId as string, spanId: spanId as string, sampled, state: String(tracestate ?? '') || null };
    }
  }
  const cloud = headers['x-cloud-trace-context'];
  if (typeof cloud !== 'string') return null;
  const [, traceId, span, sampled] = /^([\da-f]{32})(?:\/(\d{1,20}))?(?:;o=([01]))?$/i.exec(cloud) ?? [];
  if (traceId === undefined || isZero(traceId)) return null;
  const spanId = span === undefined ? null : BigInt.asUintN(64, BigInt(span)).toString(16).padStart(16, '0');
  return {
    traceId: traceId.toLowerCase(),
    spanId: isZero(spanId ?? '0') ? null : spanId,
    sampled: sampled === '1',
    state: null,
  };
}

/** The same as Cloud Logging's fields; `GOOGLE_CLOUD_PROJECT` says whose trace it is. */
export function traceFields({ traceId, spanId, sampled }: TraceContext): Readonly<Record<string, string | boolean>> {
  const project = process.env['GOOGLE_CLOUD_PROJECT'];
  return {
    'logging.googleapis.com/trace': project === undefined ? traceId : `projects/${project}/traces/${traceId}`,
    ...(spanId !== null && { 'logging.googleapis.com/spanId': spanId }),
    'logging.googleapis.com/trace_sampled': sampled,
  };
}

function isZero(hex: string | undefined): boolean {
  return hex === undefined || /^0+$/.test(hex);
}
