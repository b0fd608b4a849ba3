import type { DriftFeatures } from '../domain.ts';

const width = 4;

/** Mean over the clips. `rows`: (N, 4) as the engine gives them, at least one clip. */
export function meanDriftFeatures(rows: Float32Array): DriftFeatures {
  const count = rows.length / width;
  const mean = (column: number): number => {
    let sum = 0;
    for (let at = column; at < rows.length; at += width) sum += rows[at] as number;
    return sum / count;
  };
  return { melMean: mean(0), melStd: mean(1), energyMean: mean(2), energyStd: mean(3) };
}
