/**
 * Hydra's grammar of overrides (`key=value`, `+key=value`, `++key=value`, `~key`, `group@package=choice`). The lexer
 * takes the longest token, the first of equals, as ANTLR does for OverrideLexer.g4 of Hydra 1.3.
 */
import { ConfigError } from './ConfigError.ts';
import { Float, type Node } from './node.ts';

export type OverrideKind = 'change' | 'add' | 'force_add' | 'delete';

export interface Override {
  readonly kind: OverrideKind;
  /** `optimizer.lr`, or a group: `model`, `db/engine`. */
  readonly key: string;
  readonly package: string | undefined;
  /** `undefined` only for `~key`. */
  readonly value: Node | undefined;
  /** As it was given. */
  readonly text: string;
}

const id = '[A-Za-z_][A-Za-z0-9_-]*';
const special = '[A-Za-z_$][A-Za-z0-9_$-]*';
const part = `(?:${special}|0|[1-9](?:_?[0-9])*)`;
const packagePattern = `(?:${part}(?:\\.${part})+|${special}|)`;
const override = new RegExp(
  `^(?<sign>\\+\\+|\\+|~|)(?<key>${id}(?:/${id})+|${packagePattern})(?:@(?<package>${packagePattern}))?(?:=[ \\t]*(?<value>[\\s\\S]*))?$`,
);

/** Parses one override. Throws ConfigError that shows it and what is wrong. */
export function parseOverride(text: string): Override {
  const groups = override.exec(text)?.groups;
  const kind = ({ '': 'change', '+': 'add', '++': 'force_add', '~': 'delete' } as const)[groups?.['sign'] ?? ''];
  if (groups === undefined || kind === undefined || (groups['value'] === undefined && kind !== 'delete')) {
    throw new ConfigError([
      `Expected key=value, +key=value, ++key=value, ~key or group=choice but received ${JSON.stringify(text)}`,
    ]);
  }
  const source = groups['value'];
  const value = source === undefined ? undefined : source === '' ? '' : new ValueParser(source, text).parse();
  return { kind, key: groups['key'] ?? '', package: groups['package'], value, text };
}

/** Text as a value of an override that reads back as exactly this text. */
export function quoteValue(text: string): string {
  // Backslashes count before "${" (which would interpolate), before a quote, and at the end: there they are doubled.
  const escaped = text
    .replace(/(\\*)\$\{/g, (_, backslashes: string) => `${backslashes}${backslashes}\\\${`)
    .replace(/(\\*)'/g, (_, backslashes: string) => `${backslashes}${backslashes}\\'`)
    .replace(/\\+$/, (backslashes) => `${backslashes}${backslashes}`);
  return `'${escaped}'`;
}

const unsigned = '(?:0|[1-9](?:_?[0-9])*)';
const point = `(?:(?:${unsigned})?\\.[0-9](?:_?[0-9])*|${unsigned}\\.)`;
const exponent = `(?:${point}|${unsigned})[eE][+-]?[0-9](?:_?[0-9])*`;

type TokenKind =
  | '('
  | ','
  | ')'
  | '['
  | ']'
  | '{'
  | '}'
  | ':'
  | '='
  | 'float'
  | 'int'
  | 'bool'
  | 'null'
  | 'char'
  | 'id'
  | 'escape'
  | 'space'
  | 'quoted'
  | 'interpolation';

const tokens: readonly (readonly [TokenKind, RegExp])[] = (
  [
    ['(', '[ \\t]*\\([ \\t]*'],
    [',', '[ \\t]*,[ \\t]*'],
    [')', '[ \\t]*\\)'],
    ['[', '\\[[ \\t]*'],
    [']', '[ \\t]*\\]'],
    ['{', '\\{[ \\t]*'],
    ['}', '[ \\t]*\\}'],
    [':', '[ \\t]*:[ \\t]*'],
    ['=', '[ \\t]*=[ \\t]*'],
    ['float', `[+-]?(?:${exponent}|${point}|[Ii][Nn][Ff]|[Nn][Aa][Nn])`],
    ['int', `[+-]?${unsigned}`],
    ['bool', '[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]'],
    ['null', '[Nn][Uu][Ll][Ll]'],
    ['char', '[/\\-\\\\+.$%*@?|]'],
    ['id', id],
    ['escape', '(?:\\\\[\\\\()[\\]{}:=, \\t])+'],
    ['space', '[ \\t]+'],
    ['quoted', '"(?:(?:\\\\\\\\)*"|[\\s\\S]*?[^\\\\](?:\\\\\\\\)*")'],
    ['quoted', "'(?:(?:\\\\\\\\)*'|[\\s\\S]*?[^\\\\](?:\\\\\\\\)*')"],
    ['interpolation', '\\$\\{[^}]+\\}'],
  ] as const
).map(([kind, pattern]) => [kind, new RegExp(pattern, 'y')]);

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const primitiveKinds: ReadonlySet<TokenKind> = new Set([
  'id',
  'null',
  'int',
  'float',
  'bool',
  'interpolation',
  'char',
  ':',
  'escape',
  'space',
]);
const keyKinds: ReadonlySet<TokenKind> = new Set(
  [...primitiveKinds].filter((kind) => kind !== ':' && kind !== 'interpolation'),
);

class ValueParser {
  readonly #tokens: readonly Token[];
  readonly #override: string;
  #next = 0;

  constructor(source: string, overrideText: string) {
    this.#override = overrideText;
    this.#tokens = this.#lex(source);
  }

  parse(): Node {
    const value = this.#element();
    const rest = this.#peek();
    if (rest?.kind === ',') {
      const text = this.#override.slice(this.#override.indexOf('=') + 1);
      const key = this.#override.slice(0, this.#override.indexOf('='));
      this.#fail(
        `several values are a sweep, which a single run is not: give one value, and run the command once for each; for one text write ${key}='${text}' (quoted for the shell too: ${key}=\\'${text}\\'), for a list ${key}=[${text}]`,
      );
    }
    if (rest !== undefined)
      this.#fail(`unexpected ${JSON.stringify(rest.text)}: put quotes around text with special characters`);
    return value;
  }

  #lex(source: string): Token[] {
    const result: Token[] = [];
    for (let at = 0; at < source.length; ) {
      let longest: Token | undefined;
      for (const [kind, pattern] of tokens) {
        pattern.lastIndex = at;
        const text = pattern.exec(source)?.[0];
        if (text !== undefined && text.length > (longest?.text.length ?? 0)) longest = { kind, text };
      }
      if (longest === undefined)
        this.#fail(`unexpected ${JSON.stringify(source[at])}: put quotes around text with special characters`);
      result.push(longest as Token);
      at += (longest as Token).text.length;
    }
    return result;
  }

  #element(): Node {
    const token = this.#peek();
    if (token === undefined) return this.#fail('a value is missing at the end');
    if (token.kind === '[') return this.#list();
    if (token.kind === '{') return this.#mapping();
    if (token.kind === 'quoted') {
      this.#next += 1;
      return unquote(token.text);
    }
    if (token.kind === 'id' && this.#tokens[this.#next + 1]?.kind === '(') {
      return this.#fail(
        `${token.text}(…) is a sweep or a cast, which has no meaning in a single run: give the value itself`,
      );
    }
    return this.#primitive(primitiveKinds);
  }

  #list(): Node {
    this.#take('[');
    const items: Node[] = [];
    if (this.#peek()?.kind !== ']') {
      do items.push(this.#element());
      while (this.#accept(','));
    }
    this.#take(']');
    return items;
  }

  #mapping(): Node {
    this.#take('{');
    const mapping = new Map<string, Node>();
    if (this.#peek()?.kind !== '}') {
      do {
        const key = this.#primitive(keyKinds);
        this.#take(':');
        mapping.set(key instanceof Float ? String(key.value) : String(key), this.#element());
      } while (this.#accept(','));
    }
    this.#take('}');
    return mapping;
  }

  /** A single token keeps its type, several are text; spaces around are dropped. */
  #primitive(allowed: ReadonlySet<TokenKind>): Node {
    const start = this.#next;
    while (allowed.has(this.#peek()?.kind as TokenKind)) this.#next += 1;
    let parts = this.#tokens.slice(start, this.#next);
    if (parts[0]?.kind === 'space') parts = parts.slice(1);
    if (parts.at(-1)?.kind === 'space') parts = parts.slice(0, -1);
    const [first] = parts;
    if (first === undefined) return this.#fail(`unexpected ${JSON.stringify(this.#peek()?.text ?? 'end')}`);
    return parts.length === 1 ? typed(first) : parts.map((token) => unescapeToken(token)).join('');
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #accept(kind: TokenKind): boolean {
    if (this.#peek()?.kind !== kind) return false;
    this.#next += 1;
    return true;
  }

  #take(kind: TokenKind): void {
    if (!this.#accept(kind))
      this.#fail(`expected "${kind}" but received ${JSON.stringify(this.#peek()?.text ?? 'end')}`);
  }

  #fail(reason: string): never {
    throw new ConfigError([`${this.#override}: ${reason}`]);
  }
}

function typed(token: Token): Node {
  const digits = token.text.replaceAll('_', '');
  switch (token.kind) {
    case 'int':
      return Number(digits);
    case 'float': {
      const word = digits.toLowerCase().replace(/^[+-]/, '');
      const sign = digits.startsWith('-') ? -1 : 1;
      if (word === 'inf') return new Float(sign * Number.POSITIVE_INFINITY);
      return new Float(word === 'nan' ? Number.NaN : Number(digits));
    }
    case 'bool':
      return token.text.toLowerCase() === 'true';
    case 'null':
      return null;
    default:
      return unescapeToken(token);
  }
}

function unescapeToken(token: Token): string {
  return token.kind === 'escape' ? token.text.replace(/\\([\s\S])/g, '$1') : token.text;
}

/** Backslashes count only before a quote: `\'` is a quote, `\\'` a backslash at the end. */
function unquote(text: string): string {
  const quote = text[0] as string;
  const body = text.slice(1);
  const pairs = new RegExp(`(\\\\+)${quote}`, 'g');
  const unescaped = body.replace(pairs, (match) => match.replace(/[\s\S]([\s\S]?)/g, '$1'));
  // An even number of backslashes at the end took the closing quote with them.
  return body.at(-2) === '\\' ? unescaped : unescaped.slice(0, -1);
}
