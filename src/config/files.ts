/** Where choices of groups come from: folders of YAML files, the first that has a name wins. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './ConfigError.ts';
import { isMapping, type Mapping, type Node } from './node.ts';
import { parseYaml } from './yaml.ts';

export interface ConfigFile {
  /** `model/reference`, relative to its folder, without `.yaml`. */
  readonly path: string;
  readonly file: string;
  /** The content without its defaults list. */
  readonly content: Mapping;
  readonly defaults: readonly Node[] | undefined;
  /** From a `# @package` line before the content. */
  readonly packageHeader: string | undefined;
}

export class ConfigFiles {
  readonly folders: readonly string[];
  readonly #loaded = new Map<string, ConfigFile | undefined>();

  /** Throws ConfigError for a folder that is not there. */
  constructor(folders: readonly string[]) {
    const absent = folders.filter((folder) => !statSync(folder, { throwIfNoEntry: false })?.isDirectory());
    if (absent.length > 0) throw new ConfigError(absent.map((folder) => `${folder} is not a folder of configurations`));
    this.folders = folders;
  }

  isGroup(path: string): boolean {
    return (
      isSafe(path) &&
      path !== '' &&
      this.folders.some((folder) => statSync(join(folder, path), { throwIfNoEntry: false })?.isDirectory() === true)
    );
  }

  /** Names of the choices of a group, sorted. */
  choices(group: string): string[] {
    return this.#list(group, (name, folder) => name.endsWith('.yaml') && !folder).map((name) => name.slice(0, -5));
  }

  /** Names of the groups in a group, sorted; '' for the top. */
  groups(parent = ''): string[] {
    return this.#list(parent, (_, folder) => folder);
  }

  #list(path: string, keep: (name: string, folder: boolean) => boolean): string[] {
    const names = this.folders
      .filter((folder) => path === '' || statSync(join(folder, path), { throwIfNoEntry: false })?.isDirectory())
      .flatMap((folder) => readdirSync(join(folder, path), { withFileTypes: true }))
      .filter((entry) => keep(entry.name, entry.isDirectory()))
      .map((entry) => entry.name);
    return [...new Set(names)].sort();
  }

  /** Undefined where no folder has the file. Throws ConfigError where it cannot be read as a configuration. */
  load(path: string): ConfigFile | undefined {
    if (!this.#loaded.has(path)) this.#loaded.set(path, this.#read(path));
    return this.#loaded.get(path);
  }

  #read(path: string): ConfigFile | undefined {
    if (!isSafe(path)) return undefined;
    const file = this.folders
      .map((folder) => join(folder, `${path}.yaml`))
      .find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
    if (file === undefined) return undefined;
    const text = readFileSync(file, 'utf8');
    const node = parseYaml(text, file);
    if (node !== null && !isMapping(node)) throw new ConfigError([`${file}: expected a mapping at the top`]);
    const content: Mapping = new Map(node ?? []);
    const defaults = content.get('defaults');
    content.delete('defaults');
    if (defaults !== undefined && !Array.isArray(defaults)) throw new ConfigError([`${file}: defaults must be a list`]);
    return { path, file, content, defaults, packageHeader: packageHeader(text, file) };
  }
}

/** Names come from the command line and must not leave the folder. */
function isSafe(path: string): boolean {
  return !path.includes('\0') && !path.split('/').includes('..');
}

function packageHeader(text: string, file: string): string | undefined {
  let found: string | undefined;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const match = /^\s*#\s*@(.*)$/.exec(line);
    // Only what stands before the first other line is a header.
    if (match === null) break;
    const [key, value, ...more] = (match[1] as string).trim().split(/\s+/);
    if (key !== 'package' || value === undefined || more.length > 0) {
      throw new ConfigError([`${file}: expected "# @package NAME" but received ${JSON.stringify(line.trim())}`]);
    }
    if (found !== undefined) throw new ConfigError([`${file}: a second "# @package" line`]);
    found = value;
  }
  return found;
}
