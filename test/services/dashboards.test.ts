/** Dashboards and alerts name metrics that there are, and docs/monitoring.md names all of them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { packageRoot } from '../../src/packageRoot.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { audioForm, withService } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const folder = join(packageRoot(), 'services', 'monitoring');
const read = (...path: string[]) => readFileSync(join(packageRoot(), ...path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly runbook_url: string };
}

const rules = (
  parse(read('services', 'monitoring', 'prometheus-rules.yml')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);
const { panels } = JSON.parse(read('services', 'monitoring', 'grafana-dashboard.json')) as {
  panels: { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
};
const policies = readdirSync(join(folder, 'google-cloud', 'alert-policies')).map(
  (name) =>
    JSON.parse(read('services', 'monitoring', 'google-cloud', 'alert-policies', name)) as {
      conditions: { conditionPrometheusQueryLanguage: { query: string } }[];
    },
);
const tiles = (
  JSON.parse(read('services', 'monitoring', 'google-cloud', 'dashboard.json')) as {
    mosaicLayout: {
      tiles: { widget: { xyChart?: { dataSets: { timeSeriesQuery: { prometheusQuery: string } }[] } } }[];
    };
  }
).mosaicLayout.tiles;

const expressions = {
  grafana: panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  rules: rules.map(({ expr }) => expr),
  googlePolicies: policies.flatMap(({ conditions }) =>
    conditions.map(({ conditionPrometheusQueryLanguage: { query } }) => query),
  ),
  googleDashboard: tiles.flatMap(({ widget }) =>
    (widget.xyChart?.dataSets ?? []).map(({ timeSeriesQuery }) => timeSeriesQuery.prometheusQuery),
  ),
};

/** Names of series in an expression, without labels, functions and numbers. */
function seriesOf(expr: string): string[] {
  const bare = expr
    .replace(/\{[^}]*\}/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(?:by|on|without)\s*\([^)]*\)/g, ' ');
  return [...bare.matchAll(/\b([a-z]\w*_\w+|up)\b(?!\s*\()/g)].map(([, name]) => name as string);
}

/** Series that a service exposes: a histogram has three. */
function exposed(body: string): Set<string> {
  const names = [...body.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name, type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name as string],
  );
  return new Set(names);
}

/** Of what no inference service in a test has: the drift service's, a GPU's, and those of several processes. */
const elsewhere: Readonly<Record<string, string>> = {
  autobird_drift_: 'services/drift/DriftMetrics.ts',
  autobird_gpu_: 'services/inference/gpuMetrics.ts',
  autobird_workers: 'services/cluster.ts',
};
for (const [beginning, source] of Object.entries(elsewhere)) {
  if (!existsSync(join(packageRoot(), source)))
    console.log(`# skip: there is no ${source}, metrics ${beginning}… are not looked for`);
}

let metrics = '';
test.before(() =>
  // The database is away: its metrics are there all the same.
  withService(["service.log.postgres.url='postgresql://u:p@127.0.0.1:1/d'"], async ({ url, management }) => {
    await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a.wav', chirpWav(1)]) });
    await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a.wav', Buffer.from('only text')]) });
    metrics = (await management.inject('/metrics')).body;
  }),
);

for (const [place, list] of Object.entries(expressions)) {
  test(`every metric of ${place} is exposed by a running service`, () => {
    assert.ok(list.length >= 13, `${list.length} expressions`);
    const there = exposed(metrics);
    assert.ok(there.size > 40, `${there.size} series`);
    for (const expr of list) {
      const series = seriesOf(expr);
      assert.ok(series.length > 0, expr);
      for (const name of series) {
        if (name === 'up' || there.has(name)) continue;
        const other = Object.entries(elsewhere).find(([beginning]) => name.startsWith(beginning));
        assert.ok(other !== undefined, `${name} in ${expr}`);
        const [, source] = other as [string, string];
        if (existsSync(source))
          assert.ok(readFileSync(source, 'utf8').includes(`'${name}'`), `${name} is not in ${source}`);
      }
    }
  });
}

test('every metric that is exposed is documented, and every one that is documented exists', () => {
  const text = read('docs', 'monitoring.md');
  const documented = new Set([...text.matchAll(/`(autobird_\w+)/g)].map(([, name]) => name as string));
  const ours = [...metrics.matchAll(/^# TYPE (autobird_\w+)/gm)].map(([, name]) => name as string);
  assert.ok(ours.length > 20, `${ours.length} metrics`);
  assert.equal(
    ours.filter((name) => !documented.has(name)),
    [],
  );
  const known = (name: string) =>
    ours.includes(name) || Object.keys(elsewhere).some((beginning) => name.startsWith(beginning));
  assert.equal(
    [...documented].filter((name) => !known(name)),
    [],
  );
});

test('every alert has its words in docs/monitoring.md, and the page no others', () => {
  const headings = [...read('docs', 'monitoring.md').matchAll(/^### (Autobird\w+)$/gm)].map(
    ([, name]) => name as string,
  );
  assert.equal(headings.sort(), rules.map(({ alert }) => alert).sort());
  for (const { alert, annotations } of rules) {
    assert.is(annotations.runbook_url, `docs/monitoring.md#${alert.toLowerCase()}`);
  }
});

test('the dashboards and policies are what panels.yml and prometheus-rules.yml say', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(packageRoot(), 'scripts', 'monitoring.mjs'), '--check'],
    {
      encoding: 'utf8',
    },
  );
  assert.is(status, 0, stderr);
});

const promtool = spawnSync('promtool', ['--version']).status === 0;
if (!promtool) console.log('# skip: promtool is not installed (apt-get install -y prometheus), rules are not tried');
else {
  const run = (words: readonly string[], input = '') => {
    const { status, stdout, stderr } = spawnSync('promtool', [...words], { cwd: folder, input, encoding: 'utf8' });
    assert.is(status, 0, `${stdout}${stderr}`);
    return stdout;
  };

  test('Prometheus takes the rules, and alerts come when they should', () => {
    assert.match(run(['check', 'rules', 'prometheus-rules.yml']), /SUCCESS: \d+ rules found/);
    assert.match(run(['test', 'rules', 'prometheus-rules.test.yml']), /SUCCESS/);
    const tested = read('services', 'monitoring', 'prometheus-rules.test.yml');
    for (const { alert } of rules) {
      assert.match(
        tested,
        new RegExp(`alertname: ${alert}\\n\\s+eval_time: \\w+\\n\\s+exp_alerts:\\n\\s+- exp_labels`),
        alert,
      );
    }
  });

  test('Prometheus takes every expression of the dashboards', () =>
    withTempDir(async (dir) => {
      const exprs = [...expressions.grafana, ...expressions.googleDashboard];
      const list = exprs.map((expr, index) => ({
        record: `panel:${index}`,
        expr: expr.replaceAll('$__rate_interval', '5m'),
      }));
      const path = join(dir, 'panels.yml');
      await writeFile(path, JSON.stringify({ groups: [{ name: 'panels', rules: list }] }));
      assert.match(run(['check', 'rules', path]), new RegExp(`SUCCESS: ${exprs.length} rules found`));
    }));

  test('promtool finds nothing to say about the metrics', () => {
    assert.is(run(['check', 'metrics'], metrics), '');
  });
}

test.run();
