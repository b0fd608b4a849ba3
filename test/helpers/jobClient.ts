import { audioForm } from './withService.ts';

export interface JobBody {
  readonly id: string;
  readonly request_id: string;
  readonly status: string;
  readonly attempts: number;
  readonly recordings: readonly string[];
  readonly progress: { readonly done_s: number; readonly total_s: number; readonly recordings_done: number };
  readonly expires_at: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Requests a prediction as a job. */
export async function submit(
  url: string,
  query: string,
  ...files: readonly (readonly [name: string, bytes: Uint8Array])[]
): Promise<Response> {
  return await fetch(`${url}/v1/predictions?${query}`, {
    method: 'POST',
    body: audioForm(...files),
    headers: { prefer: 'respond-async, wait=10' },
  });
}

export async function jobOf(url: string, id: string): Promise<JobBody> {
  return (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as JobBody;
}

/** Requests the job until `wanted` holds, at most two minutes. */
export async function jobUntil(url: string, id: string, wanted: (job: JobBody) => boolean): Promise<JobBody> {
  const until = Date.now() + 120_000;
  for (;;) {
    const job = await jobOf(url, id);
    if (wanted(job)) return job;
    if (Date.now() > until) throw new Error(`the job is still ${JSON.stringify(job)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export function isOver({ status }: JobBody): boolean {
  return status !== 'queued' && status !== 'running';
}
