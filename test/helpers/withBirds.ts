import { writeTinyModel } from './tinyModel.ts';
import { type RunningService, withService } from './withService.ts';
import { withTempDir } from './withTempDir.ts';

/** A service whose model finds birds everywhere, and is sure of some. */
export async function withBirds(
  use: (service: RunningService) => Promise<void>,
  overrides: readonly string[] = [],
): Promise<void> {
  await withTempDir(async (dir) => {
    const checkpoint = `${dir}/birds.safetensors`;
    await writeTinyModel(checkpoint, { labels: ['wren', 'robin', 'siskin'], noEventLabels: [], temperature: 0.5 });
    await withService([`service.models=[{name: birds, checkpoint: '${checkpoint}'}]`, ...overrides], use);
  });
}
