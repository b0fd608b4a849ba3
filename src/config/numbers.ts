/** Kinds of numbers that many keys are. */
import { z } from 'zod';

export const positive = z.number().positive();
export const count = z.int().min(1);
export const share = z.number().min(0).max(1);
