import { createHash, randomBytes } from 'node:crypto';
import { clientRoles } from '../../config/serviceSchema.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';

interface KeyArgs {
  readonly name: string;
  readonly role: readonly string[];
}

export const key: Command<KeyArgs> = {
  command: 'key <name>',
  describe: 'Make an API key for a client of the HTTP service',
  positionals: {
    name: { type: 'string', demandOption: true, describe: 'Of the client, as the log shows it' },
  },
  options: {
    role: {
      type: 'string',
      array: true,
      choices: clientRoles,
      default: ['predict', 'read', 'feedback'],
      describe: 'What it may do',
    },
  },
  examples: [
    ['key field-station', 'may predict, read and give feedback'],
    ['key prometheus --role metrics', 'may read the metrics of the management address'],
  ],
  epilogue: 'The key is shown once and stored nowhere: the service knows its SHA-256. docs/security.md says more.',
  async run({ name, role }, io) {
    if (!/^\w[\w.-]*$/.test(name)) {
      throw new UsageError(`Expected letters, digits, "_", "-" and "." for the name but received "${name}"`);
    }
    const secret = `abk_${randomBytes(32).toString('base64url')}`;
    const sha256 = createHash('sha256').update(secret).digest('hex');
    const line = `${name}:${sha256}:${role.join(',')}`;
    if (io.json) {
      io.out(`${JSON.stringify({ name, key: secret, sha256, roles: role, line })}\n`);
      return undefined;
    }
    io.out(`The key, for the client:
  ${secret}
The line for the file that service.auth.keys_file names:
  ${line}
Or in the configuration:
  service.auth.keys=[{name: ${name}, sha256: ${sha256}, roles: [${role.join(', ')}]}]
`);
    return undefined;
  },
};
