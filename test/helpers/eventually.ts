import * as assert from 'uvu/assert';

/** Tries every 20 ms, at most `tries` times, until `holds` gives true. @throws Error `otherwise` where it never does */
export async function eventually(holds: () => Promise<boolean>, otherwise: string, tries = 200): Promise<void> {
  for (let tried = 0; !(await holds()); tried++) {
    assert.ok(tried < tries, otherwise);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
