import { AutobirdError } from '../../../src/index.ts';
import { clientRoles } from '../../../src/service.ts';
import type { AuthConfig, Role } from './roles.ts';

/**
 * The lines `name:sha256:role,role` of a keys file, as `autobird key` prints them; empty lines and `#` comments are left out.
 *
 * @throws AutobirdError `bad_keys_file` with the number of the line
 */
export function parseKeysFile(text: string, path: string): AuthConfig['keys'] {
  const keys: AuthConfig['keys'] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name, sha256, list] = /^\s*(\w[\w.-]*):([0-9a-f]{64}):([a-z,]+)\s*$/.exec(line) ?? [];
    const named = list?.split(',') ?? [];
    // The line itself stays out of the message: somebody may have written a key where its hash belongs.
    if (name === undefined || sha256 === undefined || !named.every((role) => clientRoles.includes(role as Role))) {
      throw new AutobirdError(
        'bad_keys_file',
        `Expected name:sha256:role,role with the roles ${clientRoles.join(', ')} in line ${index + 1} of ${path}: autobird key prints such a line`,
      );
    }
    keys.push({ name, sha256, roles: named as Role[] });
  }
  return keys;
}
