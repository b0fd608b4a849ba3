import { z } from 'zod';

/** Which channels of a recording become its samples; numbers count from 1. */
export const channelSchema = z.union([z.enum(['mean', 'left', 'right', 'best']), z.int().min(1)]);

export type Channel = z.infer<typeof channelSchema>;
