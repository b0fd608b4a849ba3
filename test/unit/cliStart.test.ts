import { execFile } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const start = new URL('../../src/cli/start.ts', import.meta.url);

/** Runs a command in a process that gets `SIGINT` twice in a row. */
function interruptedTwice(): Promise<{ code: unknown; stderr: string }> {
  const script = `
    import { start } from ${JSON.stringify(start.href)};
    const running = start(['predict', '/no/such/folder']);
    process.emit('SIGINT');
    process.emit('SIGINT');
    await running;`;
  return new Promise((resolve) => {
    const words = ['--import', 'tsx', '--input-type=module', '--eval', script];
    execFile(process.execPath, words, (error, _stdout, stderr) => resolve({ code: error?.code, stderr }));
  });
}

test('two signals at once, as timeout sends them to a process and to its group, are one wish to stop', async () => {
  assert.equal(await interruptedTwice(), { code: 130, stderr: 'Stopped.\n' });
});

test.run();
