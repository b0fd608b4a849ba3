/** How YAML 1.1 as OmegaConf reads it tells scalars apart, and how Python prints them. */
import { Float } from './node.ts';

const bools: ReadonlyMap<string, boolean> = new Map(
  (
    [
      ['true', true],
      ['yes', true],
      ['on', true],
      ['false', false],
      ['no', false],
      ['off', false],
    ] as const
  ).flatMap(([word, value]) => {
    const capital = `${word[0]?.toUpperCase()}${word.slice(1)}`;
    return [word, capital, word.toUpperCase()].map((spelling) => [spelling, value] as const);
  }),
);

export const boolPattern = new RegExp(`^(?:${[...bools.keys()].join('|')})$`);
export const nullPattern = /^(?:~|null|Null|NULL|)$/;
export const intPattern =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
/** PyYAML's own pattern and OmegaConf's, which adds `1e-5`. */
export const floatPattern =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+(?:_[0-9]+)*[eE][-+]?[0-9]+|\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

export function parseBool(text: string): boolean {
  return bools.get(text) as boolean;
}

/** `012` is octal, `1_000` a thousand, `1:20` eighty (base 60). */
export function parseInteger(text: string): number {
  const { sign, digits } = split(text);
  if (digits.includes(':')) return sign * base60(digits);
  if (/^0b/.test(digits)) return sign * Number.parseInt(digits.slice(2), 2);
  if (/^0x/.test(digits)) return sign * Number.parseInt(digits.slice(2), 16);
  return sign * Number.parseInt(digits, digits.startsWith('0') ? 8 : 10);
}

export function parseFloating(text: string): Float {
  const { sign, digits } = split(text.toLowerCase());
  if (digits === '.inf') return new Float(sign * Number.POSITIVE_INFINITY);
  if (digits === '.nan') return new Float(Number.NaN);
  return new Float(sign * (digits.includes(':') ? base60(digits) : Number(digits)));
}

function split(text: string): { sign: number; digits: string } {
  return { sign: text.startsWith('-') ? -1 : 1, digits: text.replace(/^[-+]/, '').replaceAll('_', '') };
}

function base60(digits: string): number {
  return digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** A float as Python's `repr` prints it: `1e-05`, `1.0`, `1e+16`, `inf`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const text = String(value); // decimal between 1e-6 and 1e21
  return text.includes('.') ? text : `${text}.0`;
}
