#!/usr/bin/env node
// `autobird-train …` is `autobird train …`, as `python train.py …` was.
import { run } from './run.mjs';

await run(['train', ...process.argv.slice(2)]);
