import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** One recording of each of the first `count` species, for a look at predictions. */
export function findRecordings(audio, count) {
  return readdirSync(audio)
    .sort()
    .slice(0, count)
    .map((species) => join(audio, species, readdirSync(join(audio, species)).sort()[0]));
}
