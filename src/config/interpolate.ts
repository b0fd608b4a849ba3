/**
 * Interpolation: `${a.b}`, `${.sibling}`, `${..up}`, `${a[0]}`, `${oc.env:NAME,default}`, nested in each other and in text;
 * `\${` is a dollar and a brace. A value that is one interpolation keeps the type of what it names.
 */

import { suggestion } from '../suggest.ts';
import { ConfigError } from './ConfigError.ts';
import { parseOverride } from './grammar.ts';
import { childOf, clone, Float, isMapping, missing, type Node } from './node.ts';
import { pythonFloat } from './scalars.ts';

type Path = readonly string[];

/** Something that `resolve` could not find, at the path of the value that needs it. */
export interface Failure {
  readonly path: Path;
  readonly message: string;
}

export interface Resolved {
  /** Values that failed or are missing are left as `???`. */
  readonly node: Node;
  readonly failures: readonly Failure[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** All interpolations of a tree, resolved in a copy of it. */
export function interpolate(root: Node, environment: Environment = process.env): Resolved {
  return new Interpolator(root, environment).run();
}

class Failed extends Error {}

class Interpolator {
  readonly #root: Node;
  readonly #environment: Environment;
  readonly #failures: Failure[] = [];
  /** Paths that are being resolved, to notice circles. */
  readonly #open: string[] = [];

  constructor(root: Node, environment: Environment) {
    this.#root = root;
    this.#environment = environment;
  }

  run(): Resolved {
    return { node: this.#walk(this.#root, []), failures: this.#failures };
  }

  #walk(node: Node, path: Path): Node {
    if (isMapping(node)) return new Map([...node].map(([key, item]) => [key, this.#walk(item, [...path, key])]));
    if (Array.isArray(node)) return node.map((item, index) => this.#walk(item, [...path, String(index)]));
    if (typeof node !== 'string') return node;
    try {
      return this.#value(node, path);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      this.#failures.push({ path, message: error.message });
      return missing;
    }
  }

  /** What stands at a path, resolved through and through. */
  #at(path: Path): Node | undefined {
    let node: Node | undefined = this.#root;
    path.forEach((key, depth) => {
      if (typeof node === 'string' && node.includes('${')) node = this.#guarded(node, path.slice(0, depth));
      node = childOf(node, key);
    });
    return node === undefined ? undefined : this.#deep(node, path);
  }

  #deep(node: Node, path: Path): Node {
    if (isMapping(node)) return new Map([...node].map(([key, item]) => [key, this.#deep(item, [...path, key])]));
    if (Array.isArray(node)) return node.map((item, index) => this.#deep(item, [...path, String(index)]));
    return typeof node === 'string' ? this.#guarded(node, path) : node;
  }

  #guarded(text: string, path: Path): Node {
    const name = path.join('.');
    if (this.#open.includes(name)) throw new Failed(`${[...this.#open, name].join(' → ')} goes in a circle`);
    return this.#value(text, path);
  }

  #value(text: string, path: Path): Node {
    if (!text.includes('${')) return text;
    this.#open.push(path.join('.'));
    try {
      const parts = this.#parts(text, path);
      if (parts.length === 1) return parts[0] as Node;
      return parts.map((part) => asText(part, text)).join('');
    } finally {
      this.#open.pop();
    }
  }

  /** Text and interpolated values in turn. */
  #parts(text: string, path: Path): Node[] {
    const parts: Node[] = [];
    let plain = '';
    for (let at = 0; at < text.length; ) {
      const backslashes = /^\\+(?=\$\{)/.exec(text.slice(at))?.[0].length ?? 0;
      if (backslashes > 0) {
        plain += '\\'.repeat(Math.floor(backslashes / 2));
        at += backslashes;
        if (backslashes % 2 === 0) continue;
        plain += '${';
        at += 2;
      } else if (text.startsWith('${', at)) {
        const end = endOfInterpolation(text, at);
        if (plain !== '') parts.push(plain);
        plain = '';
        parts.push(this.#interpolation(text.slice(at + 2, end), path));
        at = end + 1;
      } else {
        plain += text[at];
        at += 1;
      }
    }
    if (plain !== '') parts.push(plain);
    return parts;
  }

  #interpolation(source: string, path: Path): Node {
    const resolver = /^\s*([A-Za-z_][\w.-]*)\s*:([\s\S]*)$/.exec(source);
    if (resolver !== null) return this.#resolver(resolver[1] as string, resolver[2] as string, path);
    const reference = asText(this.#joined(source.trim(), path), source);
    const target = resolveReference(reference, path);
    if (target === undefined) throw new Failed(`\${${source}} does not name a key`);
    const value = this.#at(target);
    if (value === undefined) {
      const near = this.#suggest(target);
      throw new Failed(`\${${source}} names nothing${near}`);
    }
    if (value === missing) throw new Failed(`\${${source}} is not given: set ${target.join('.')}=…`);
    return clone(value);
  }

  #suggest(target: Path): string {
    const parent = this.#at(target.slice(0, -1));
    return isMapping(parent) ? ` (${suggestion(target.at(-1) as string, [...parent.keys()])})` : '';
  }

  #resolver(name: string, source: string, path: Path): Node {
    const parameters = splitArguments(source).map((text) => this.#argument(text, path));
    const [first, second] = parameters;
    switch (name) {
      case 'oc.env': {
        const variable = asText(first ?? '', source);
        const value = this.#environment[variable];
        if (value !== undefined) return value;
        if (parameters.length > 1) return second === null ? null : asText(second as Node, source);
        throw new Failed(`the environment variable ${variable} is not set`);
      }
      case 'oc.decode':
        return typeof first === 'string' ? this.#decode(first) : (first ?? null);
      case 'oc.select': {
        const target = resolveReference(asText(first ?? '', source), path);
        const value = target === undefined ? undefined : this.#at(target);
        return value === undefined || value === missing ? (second ?? null) : value;
      }
      default:
        throw new Failed(`\${${name}:…} is unknown: known are oc.decode, oc.env, oc.select`);
    }
  }

  #argument(text: string, path: Path): Node {
    if (text === '') return '';
    return text.includes('${') ? this.#joined(text, path) : this.#decode(text);
  }

  /** Text with interpolations in it, which stay of their type where they are all of it. */
  #joined(text: string, path: Path): Node {
    if (!text.includes('${')) return text;
    const parts = this.#parts(text, path);
    return parts.length === 1 ? (parts[0] as Node) : parts.map((part) => asText(part, text)).join('');
  }

  #decode(text: string): Node {
    try {
      return parseOverride(`value=${text}`).value as Node;
    } catch (error) {
      if (error instanceof ConfigError) throw new Failed(`${JSON.stringify(text)} cannot be read as a value`);
      throw error;
    }
  }
}

/** Position of the brace that closes the interpolation that starts at `start`. */
function endOfInterpolation(text: string, start: number): number {
  let depth = 0;
  let quote = '';
  for (let at = start + 2; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '\\') at += 1;
    else if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === '{') depth += 1;
    else if (char === '}' && depth === 0) return at;
    else if (char === '}') depth -= 1;
  }
  throw new Failed(`${JSON.stringify(text)} has no closing brace`);
}

/** Arguments of a resolver: commas outside quotes and brackets part them. */
function splitArguments(source: string): string[] {
  if (source.trim() === '') return [];
  const parts: string[] = [''];
  let depth = 0;
  let quote = '';
  for (let at = 0; at < source.length; at++) {
    const char = source[at] as string;
    if (quote === '' && depth === 0 && char === ',') {
      parts.push('');
      continue;
    }
    if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
    else if ('[{('.includes(char)) depth += 1;
    else if (']})'.includes(char)) depth -= 1;
    const escaped = char === '\\' ? (source[++at] ?? '') : '';
    parts[parts.length - 1] += char + escaped;
  }
  return parts.map((part) => part.trim());
}

/** `a.b[0]` from the root, `.a` beside the value, each further dot one mapping up. */
function resolveReference(reference: string, path: Path): Path | undefined {
  const [, dots = '', rest = ''] = /^(\.*)([\s\S]*)$/.exec(reference) ?? [];
  const keys = rest.replace(/\[([^\]]*)\]/g, '.$1').replace(/^\./, '');
  if (keys === '' || keys.split('.').includes('')) return undefined;
  if (dots.length > path.length) return undefined;
  const base = dots === '' ? [] : path.slice(0, path.length - dots.length);
  return [...base, ...keys.split('.')];
}

/** As Python's `str`. */
function asText(node: Node, context: string): string {
  if (typeof node === 'string') return node;
  if (node === null) return 'None';
  if (typeof node === 'boolean') return node ? 'True' : 'False';
  if (typeof node === 'number') return String(node);
  if (node instanceof Float) return pythonFloat(node.value);
  throw new Failed(`${JSON.stringify(context)} puts a list or a mapping into text`);
}
