/** YAML as OmegaConf reads and writes it (facts that differ from YAML 1.2 and from PyYAML: see scalars.ts). */
import { parseDocument, type ScalarTag } from 'yaml';
import { ConfigError } from './ConfigError.ts';
import { Float, isMapping, type Mapping, type Node } from './node.ts';
import {
  boolPattern,
  floatPattern,
  intPattern,
  nullPattern,
  parseBool,
  parseFloating,
  parseInteger,
  pythonFloat,
} from './scalars.ts';

function tag(name: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag {
  return { tag: `tag:yaml.org,2002:${name}`, default: true, test, resolve };
}

// The first that matches decides, in the order of PyYAML's resolvers; what none matches is text.
const tags: ScalarTag[] = [
  tag('bool', boolPattern, parseBool),
  tag('int', intPattern, parseInteger),
  tag('float', floatPattern, parseFloating),
  tag('null', nullPattern, () => null),
];

/** Reads one YAML document; an empty one is an empty mapping. Throws ConfigError with file, line and column of each mistake. */
export function parseYaml(text: string, where: string): Node {
  const document = parseDocument(text, { schema: 'failsafe', merge: true, uniqueKeys: true, customTags: tags });
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    const lines = problems.map(({ linePos, message }) => {
      const at = linePos === undefined ? '' : `:${linePos[0].line}:${linePos[0].col}`;
      return `${where}${at}: ${message.split(/ at line \d/)[0]}`;
    });
    throw new ConfigError(lines);
  }
  if (document.contents === null) return new Map();
  return fromYaml(document.toJS({ mapAsMap: true, maxAliasCount: 100 }) as unknown, where);
}

function fromYaml(value: unknown, where: string): Node {
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]): [string, Node] => [keyText(key, where), fromYaml(item, where)]);
    return new Map(entries);
  }
  if (Array.isArray(value)) return value.map((item) => fromYaml(item, where));
  return value as Node;
}

function keyText(key: unknown, where: string): string {
  if (key instanceof Float) return pythonFloat(key.value);
  if (typeof key === 'object' && key !== null)
    throw new ConfigError([`${where}: a key must be a name, not a list or a mapping`]);
  return String(key);
}

/** YAML that OmegaConf reads as the same values; for usual values it is also what OmegaConf writes. */
export function dumpYaml(node: Node): string {
  if (isMapping(node) && node.size > 0) return `${mappingLines(node, 0).join('\n')}\n`;
  if (Array.isArray(node) && node.length > 0) return `${listLines(node, 0).join('\n')}\n`;
  return `${scalar(node)}\n`;
}

function mappingLines(mapping: Mapping, indent: number): string[] {
  const space = ' '.repeat(indent);
  return [...mapping].flatMap(([key, value]) => {
    const name = `${space}${text(key)}:`;
    if (isMapping(value) && value.size > 0) return [name, ...mappingLines(value, indent + 2)];
    // PyYAML does not indent a list below its key.
    if (Array.isArray(value) && value.length > 0) return [name, ...listLines(value, indent)];
    return [`${name} ${scalar(value)}`];
  });
}

function listLines(list: readonly Node[], indent: number): string[] {
  const dash = `${' '.repeat(indent)}- `;
  return list.flatMap((value) => {
    const lines =
      isMapping(value) && value.size > 0
        ? mappingLines(value, indent + 2)
        : Array.isArray(value) && value.length > 0
          ? listLines(value, indent + 2)
          : [`${' '.repeat(indent + 2)}${scalar(value)}`];
    return [`${dash}${(lines[0] as string).slice(indent + 2)}`, ...lines.slice(1)];
  });
}

function scalar(node: Node): string {
  if (node === null) return 'null';
  if (node instanceof Float) return float(node.value);
  if (Array.isArray(node)) return '[]';
  if (isMapping(node)) return '{}';
  return typeof node === 'string' ? text(node) : String(node);
}

function float(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '.nan' : value > 0 ? '.inf' : '-.inf';
  const digits = pythonFloat(value);
  // `1e-05` has no point, without which PyYAML itself would read text.
  return digits.includes('.') ? digits : digits.replace('e', '.0e');
}

const looksTyped = [boolPattern, intPattern, floatPattern, nullPattern, /^(?:[yYnN]|<<|=|\d{4}-\d\d?-\d\d?.*)$/];

// Control characters, line ends of YAML 1.1, the byte order mark and halves of characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be escaped
const special = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]/u;

function escapeCode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function text(value: string): string {
  if (special.test(value)) return JSON.stringify(value).replace(new RegExp(special, 'gu'), escapeCode);
  const needsQuotes =
    looksTyped.some((pattern) => pattern.test(value)) ||
    Number.isFinite(Number(value)) || // `1e5`, ` 12 `: OmegaConf quotes all that Python would convert
    /^(?:nan|[-+]?inf|infinity)$/i.test(value) ||
    /^\s|\s$/.test(value) ||
    /^[-?:](?:\s|$)/.test(value) ||
    /^[,[\]{}#&*!|>'"%@`]/.test(value) ||
    /^(?:---|\.\.\.)/.test(value) ||
    /:(?:\s|$)|\s#/.test(value);
  return needsQuotes ? `'${value.replaceAll("'", "''")}'` : value;
}
