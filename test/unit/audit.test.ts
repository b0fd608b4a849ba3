/** The scripts that look for secrets and known holes find them, and the list of parts is whole. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/packageRoot.ts';

const script = async (name: string) => await import(join(packageRoot(), 'scripts', name));

/** Put together here, so that no key stands in this file. */
const planted: readonly string[] = [
  `-----BEGIN ${'PRIVATE'} KEY-----`,
  `-----BEGIN RSA ${'PRIVATE'} KEY-----`,
  `abk_${'aB3-_xY7z9Q'.repeat(4).slice(0, 43)}`,
  `AKIA${'IOSFODNN7EXAMPLE'}`,
  `AIza${'SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q'.slice(0, 35)}`,
  `ghp_${'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'}`,
  `npm_${'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'}`,
  `xoxb-${'123456789012-abcdefghijkl'}`,
  `token: eyJhbGciOiJIUzI1NiJ9.${'eyJzdWIiOiIxMjM0NTY3ODkwIn0'}.dozjgNryP4J3jVmNHl0w5N`,
  `postgres://birds:${'correct-horse'}@db.example/birds`,
  `WANDB_API_KEY=${'0a1b2c3d4e5f60718293a4b5c6d7e8f901234567'}`,
  `"client_secret": "${'q8Zt1Vn4Lx7Rk2Wp5Js9Hd3F'}"`,
];

test('every kind of planted key is found, and is not repeated', async () => {
  const { findSecrets } = await script('check-secrets.mjs');
  for (const line of planted) {
    const found: string[] = findSecrets('a.yaml', `first: 1\n${line}\n`);
    assert.ok(found.length > 0, line.slice(0, 12));
    assert.match(found[0] as string, /^a\.yaml:2 holds /);
    assert.not.match(found.join(''), line.slice(-12));
  }
});

test('what only talks about keys is none', async () => {
  const { findSecrets } = await script('check-secrets.mjs');
  for (const line of [
    'password: $DATABASE_PASSWORD',
    "const secret = 'abk_' + randomBytes(32).toString('base64url');",
    'token: the_name_of_the_token_that_is_long_enough',
    'X-Api-Key: $KEY',
    'https://user@birds.example/path',
    'DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/birds',
    `sha256: ${'5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8'}`,
  ]) {
    assert.equal(findSecrets('a.md', line), [], line);
  }
});

test('this repository holds none', async () => {
  const { checkSecrets } = await script('check-secrets.mjs');
  const { files, problems } = checkSecrets();
  assert.ok(files > 100, `${files}`);
  assert.equal(problems, []);
});

test('a package without a hash or from elsewhere is named', async () => {
  const { lockProblems } = await script('audit.mjs');
  const lock = JSON.parse(readFileSync(join(packageRoot(), 'package-lock.json'), 'utf8'));
  assert.equal(lockProblems(lock), []);
  const packages = {
    '': {},
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' },
    'node_modules/b': { version: '1.0.0' },
    'node_modules/c': { version: '1.0.0', integrity: 'sha512-x', resolved: 'https://evil.example/c.tgz' },
  };
  assert.equal(lockProblems({ packages }), [
    'node_modules/b 1.0.0 has no sha512 in package-lock.json',
    'node_modules/c comes from https://evil.example/c.tgz',
  ]);
});

test('grave vulnerabilities are named, and a registry that does not say is no all-clear', async () => {
  const { auditProblems } = await script('audit.mjs');
  const vulnerabilities = {
    a: { name: 'a', severity: 'high', range: '<2.0.0' },
    b: { name: 'b', severity: 'low', range: '*' },
  };
  assert.equal(auditProblems(JSON.stringify({ vulnerabilities })).problems, [
    'a <2.0.0: a high vulnerability is known',
  ]);
  assert.equal(auditProblems('{"vulnerabilities": {}}').problems, []);
  assert.match(auditProblems('{"message": "405 Method Not Allowed"}').unknown, /405/);
  assert.match(auditProblems('').unknown, /no answer/);
});

test('the list of parts names npm packages, LibTorch and its licences', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['scripts/sbom.mjs'], {
    cwd: packageRoot(),
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  assert.ok(stdout.startsWith('{'), stderr);
  const { bomFormat, specVersion, metadata, components, dependencies } = JSON.parse(stdout);
  assert.is(bomFormat, 'CycloneDX');
  assert.is(specVersion, '1.5');
  assert.is(metadata.component.name, 'autobird');
  const refs = new Set(components.map((component: { 'bom-ref': string }) => component['bom-ref']));
  for (const name of ['fastify', 'jose', 'libsql'])
    assert.ok([...refs].some((ref) => String(ref).startsWith(`${name}@`)));
  assert.not.ok(
    [...refs].some((ref) => String(ref).startsWith('typescript@')),
    'nothing that only development needs',
  );
  const torch = components.find((component: { name: string }) => component.name === 'torch');
  if (torch !== undefined) assert.match(torch.hashes[0].content, /^[0-9a-f]{64}$/);
  else assert.not.equal(process.platform, 'linux');
  for (const { dependsOn = [] } of dependencies) for (const ref of dependsOn) assert.ok(refs.has(ref), ref);
});

test.run();
