/**
 * API keys, of which only the SHA-256 is stored: `autobird key` draws 256 random bits, so there is no dictionary to try and no
 * need for a slow hash, which would be a way to keep the service busy.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { AutobirdError } from '../../../src/index.ts';
import { parseKeysFile } from './keysFile.ts';
import type { AuthConfig, Client } from './roles.ts';

interface StoredKey {
  readonly digest: Buffer;
  readonly client: Client;
}

export class KeyRing {
  readonly #given: readonly StoredKey[];
  readonly #path: string | null;
  #ofFile: readonly StoredKey[] = [];
  #fingerprint = '';

  private constructor({ keys, keysFile }: AuthConfig) {
    this.#given = keys.map(storedKey);
    this.#path = keysFile;
  }

  /** @throws AutobirdError `bad_keys_file` where the file cannot be read or a line of it is wrong */
  static async open(config: AuthConfig): Promise<KeyRing> {
    const ring = new KeyRing(config);
    await ring.refresh();
    return ring;
  }

  /** Reads the file again where it was changed; with an error the keys stay as they are. @throws as {@link open} */
  async refresh(): Promise<void> {
    if (this.#path === null) return;
    try {
      const { size, mtimeMs, ino } = await stat(this.#path);
      const fingerprint = `${size} ${mtimeMs} ${ino}`;
      if (fingerprint === this.#fingerprint) return;
      this.#ofFile = parseKeysFile(await readFile(this.#path, 'utf8'), this.#path).map(storedKey);
      this.#fingerprint = fingerprint;
    } catch (error) {
      if (error instanceof AutobirdError) throw error;
      throw new AutobirdError(
        'bad_keys_file',
        `The keys of ${this.#path} (service.auth.keys_file) cannot be read: ${(error as Error).message}`,
      );
    }
  }

  /** The client of a key, null for an unknown one. Takes as long for a wrong key as for a good one. */
  find(presented: string): Client | null {
    const digest = createHash('sha256').update(presented).digest();
    let found: Client | null = null;
    for (const keys of [this.#given, this.#ofFile]) {
      for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key.client;
    }
    return found;
  }
}

function storedKey({ name, sha256, roles }: AuthConfig['keys'][number]): StoredKey {
  return { digest: Buffer.from(sha256, 'hex'), client: { name, roles: new Set(roles) } };
}
