/**
 * Colours for values from 0 to 1, perceptually even: equal steps look equal, also in print and to colour-blind eyes.
 * Polynomials through matplotlib's magma and viridis (M. Zucker, CC0); red, green and blue by ascending power.
 */
export type Rgb = readonly [number, number, number];
export type ColormapName = keyof typeof polynomials;

const polynomials = {
  magma: [
    [-0.002136485, -0.000749655, -0.005386128],
    [0.251660541, 0.677523244, 2.494026599],
    [8.353717279, -3.577719515, 0.314467903],
    [-27.668733086, 14.264730781, -13.649213188],
    [52.176139812, -27.943606072, 12.944169442],
    [-50.768525365, 29.046582821, 4.234152994],
    [18.655705066, -11.48977352, -5.601961509],
  ],
  viridis: [
    [0.277727327, 0.005407345, 0.33409981],
    [0.105093043, 1.404613529, 1.38459016],
    [-0.330861829, 0.214847559, 0.095095163],
    [-4.634230499, -5.799100973, -19.332440956],
    [6.228269936, 14.179933367, 56.690552601],
    [4.77638499, -13.745145378, -65.353032633],
    [-5.435455856, 4.645852612, 26.312435249],
  ],
} as const;

/** The colour of a value; values beyond 0 and 1 are those of the ends. */
export function colorOf(value: number, name: ColormapName = 'magma'): Rgb {
  const t = Math.max(0, Math.min(1, value));
  const channel = (c: number): number => {
    let sum = 0;
    for (let power = 6; power >= 0; power--)
      sum = sum * t + ((polynomials[name][power] as readonly number[])[c] as number);
    return Math.round(255 * Math.max(0, Math.min(1, sum)));
  };
  return [channel(0), channel(1), channel(2)];
}

/** 256 colours for an indexed PNG. */
export function palette(name: ColormapName = 'magma'): readonly Rgb[] {
  return Array.from({ length: 256 }, (_, i) => colorOf(i / 255, name));
}
