#!/usr/bin/env node
/** `autobird-train …` is `autobird train …`, as `python train.py …` was. */
import { start } from './start.ts';

await start(['train', ...process.argv.slice(2)]);
