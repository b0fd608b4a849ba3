import type { ResponseCounts } from './ResponseCounts.ts';
import type { ServiceProcess } from './ServiceProcess.ts';

export interface Attack {
  readonly name: string;
  /** How often, and what should come of it. */
  readonly describe: string;
  /** Responses that are right; anything else, a 5xx above all, is a finding. */
  readonly expected: RegExp;
  /** What services of its own need; an attack without it shares one service with others. */
  readonly own?: {
    readonly settings?: readonly string[];
    /** Writes files into the folder of a service before it starts. */
    furnish?(dir: string): Promise<void>;
  };
  /** What has to be done before the bystander is there. */
  prepare?(service: ServiceProcess): Promise<void>;
  run(service: ServiceProcess): Promise<ResponseCounts>;
}
