/**
 * A configuration while it is put together. Mappings are Maps (their order is the files', and no name is special), and
 * floats are marked, because YAML tells 1.0 from 1 and what is saved must read back as it was.
 */

/** A number that was written as a float. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export type Node = null | boolean | number | string | Float | NodeList | Mapping;
export type NodeList = Node[];
export type Mapping = Map<string, Node>;

export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/** A value that must be given: by a file, or on the command line. */
export const missing = '???';

export function isMapping(node: Node | undefined): node is Mapping {
  return node instanceof Map;
}

/** The value as JSON has it: floats become numbers, mappings objects. */
export function toPlain(node: Node): Plain {
  if (node instanceof Float) return node.value;
  if (Array.isArray(node)) return node.map(toPlain);
  if (isMapping(node)) return Object.fromEntries([...node].map(([key, value]) => [key, toPlain(value)]));
  return node;
}

/** The other way; whole numbers stay whole, so that OmegaConf reads what was written. */
export function toNode(value: Plain): Node {
  if (Array.isArray(value)) return value.map(toNode);
  if (typeof value === 'number' && !Number.isInteger(value)) return new Float(value);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, toNode(item)]));
}

export function clone(node: Node): Node {
  if (Array.isArray(node)) return node.map(clone);
  if (isMapping(node)) return new Map([...node].map(([key, value]) => [key, clone(value)]));
  return node;
}

export function equal(a: Node, b: Node): boolean {
  if (a instanceof Float || b instanceof Float || typeof a !== 'object' || typeof b !== 'object') {
    // 1 and 1.0 are equal, as in Python.
    return (a instanceof Float ? a.value : a) === (b instanceof Float ? b.value : b);
  }
  return JSON.stringify(toPlain(a)) === JSON.stringify(toPlain(b));
}

/** Where a part of a dotted path leads; an index in a list may be negative. */
export function childOf(node: Node | undefined, key: string): Node | undefined {
  if (isMapping(node)) return node.get(key);
  if (Array.isArray(node) && /^-?\d+$/.test(key)) return node.at(Number(key));
  return undefined;
}
