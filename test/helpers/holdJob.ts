/** Takes a job of the file named on the command line, says so, and holds it until it is killed. */
import { JobStore } from '../../services/jobs/JobStore.ts';

const job = JobStore.open(process.argv[2] as string).claim(3);
process.stdout.write(`${job?.id}\n`);
setInterval(() => {}, 1000);
