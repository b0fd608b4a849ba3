/** Every attack of `npm run hostile`, at its full size or a part of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from './Attack.ts';
import { headerFloods, pathTraversal, pipelining, smuggling } from './framing.ts';
import { fuzzedAudio, malformedForms } from './fuzz.ts';
import { killedReplacement } from './killedReplacement.ts';
import { largeLog } from './largeLog.ts';
import { ResponseCounts } from './ResponseCounts.ts';
import { idleSockets, slowBodies, slowHeaders, slowReaders } from './slowClients.ts';
import { heldAnnouncements, rebinding, slowDrips, unreadableFolder } from './unfair.ts';
import { bombs, heavyBombs, hugeUploads, liars, truncatedUploads } from './uploads.ts';

/** @param largeLogPath where the log of a million rows is written */
export function attacksOf(scale: number, largeLogPath: string): readonly Attack[] {
  const scaled = (count: number) => Math.max(1, Math.round(count * scale));
  const noAttack: Attack = {
    name: 'no attack',
    describe: 'ten seconds for comparison',
    expected: /./,
    run: () => sleep(10_000, new ResponseCounts()),
  };
  return [
    noAttack,
    smuggling(),
    pathTraversal(),
    headerFloods(scaled(500)),
    pipelining(scaled(1000)),
    liars(),
    truncatedUploads(scaled(500)),
    malformedForms(scaled(2000)),
    fuzzedAudio(scaled(5000)),
    bombs(heavyBombs),
    hugeUploads(scaled(16), 200),
    slowHeaders(scaled(200), 60),
    slowBodies(scaled(200), 120),
    slowReaders(scaled(50), 240),
    idleSockets(scaled(10_000), 90),
    heldAnnouncements(scaled(200), 20),
    slowDrips(scaled(16), 20),
    rebinding(),
    unreadableFolder(),
    killedReplacement(scaled(4)),
    ...largeLog(scaled(1_000_000), 20, largeLogPath),
  ];
}
