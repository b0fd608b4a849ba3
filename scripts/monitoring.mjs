#!/usr/bin/env node
// Makes the dashboards and Google's alert policies of services/monitoring/panels.yml and prometheus-rules.yml, so that all say the
// same. `--check` writes nothing and fails where a file is not what it would be.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from './setup/places.mjs';

const folder = join(root, 'services', 'monitoring');
const read = (name) => readFileSync(join(folder, name), 'utf8');
const rows = parse(read('panels.yml'));
const { groups } = parse(read('prometheus-rules.yml'));

const files = new Map([
  ['grafana-dashboard.json', grafana()],
  [join('google-cloud', 'dashboard.json'), googleDashboard()],
  ...groups.flatMap(({ name, rules }) =>
    rules.map((rule) => [join('google-cloud', 'alert-policies', `${rule.alert}.json`), googlePolicy(name, rule)]),
  ),
]);

if (process.argv.includes('--check')) {
  const wrong = [...files].filter(([name, content]) => read(name) !== text(content)).map(([name]) => name);
  if (wrong.length > 0)
    throw new Error(
      `Not as panels.yml and prometheus-rules.yml say: ${wrong.join(', ')}. Run node scripts/monitoring.mjs`,
    );
} else {
  const policies = join(folder, 'google-cloud', 'alert-policies');
  mkdirSync(policies, { recursive: true });
  for (const name of readdirSync(policies)) rmSync(join(policies, name));
  for (const [name, content] of files) writeFileSync(join(folder, name), text(content));
}

function text(content) {
  return `${JSON.stringify(content, null, 2)}\n`;
}

function filled(expr, selected, window) {
  return expr
    .replaceAll(/,?SELECTED/g, (found) => (selected === '' ? '' : found.replace('SELECTED', selected)))
    .replaceAll('WINDOW', window);
}

// Grafana: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/

function grafana() {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own template
  const datasource = { type: 'prometheus', uid: '${datasource}' };
  const panels = [];
  let y = 0;
  for (const { row, panels: inRow } of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row,
      collapsed: false,
      gridPos: { h: 1, w: 24, x: 0, y },
      panels: [],
    });
    y += 1;
    for (const [index, panel] of inRow.entries()) {
      panels.push({
        id: panels.length + 1,
        type: 'timeseries',
        title: panel.title,
        ...(panel.description && { description: panel.description }),
        datasource,
        gridPos: { h: 8, w: 12, x: 12 * (index % 2), y: y + 8 * Math.floor(index / 2) },
        fieldConfig: {
          defaults: {
            unit: panel.unit,
            min: 0,
            custom: {
              drawStyle: 'line',
              lineWidth: 1,
              fillOpacity: panel.stacked ? 40 : 8,
              showPoints: 'never',
              stacking: { mode: panel.stacked ? 'normal' : 'none', group: 'A' },
            },
          },
          overrides: [],
        },
        options: {
          legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
          tooltip: { mode: 'multi', sort: 'desc' },
        },
        targets: panel.queries.map(({ expr, legend }, place) => ({
          refId: String.fromCharCode(65 + place),
          datasource,
          expr: filled(expr, 'job=~"$job",instance=~"$instance"', '$__rate_interval'),
          legendFormat: legend,
          range: true,
        })),
      });
    }
    y += 8 * Math.ceil(inRow.length / 2);
  }
  const variable = (name, query) => ({
    name,
    type: 'query',
    datasource,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    includeAll: true,
    allValue: '.*',
    multi: true,
    current: { selected: true, text: ['All'], value: ['$__all'] },
    sort: 1,
  });
  return {
    uid: 'autobird',
    title: 'autobird',
    description: 'The inference and drift services of autobird. Made by scripts/monitoring.mjs.',
    tags: ['autobird'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: {
      list: [
        {
          name: 'datasource',
          label: 'Prometheus',
          type: 'datasource',
          query: 'prometheus',
          refresh: 1,
          includeAll: false,
          multi: false,
        },
        variable('job', 'label_values(nodejs_version_info, job)'),
        variable('instance', 'label_values(nodejs_version_info{job=~"$job"}, instance)'),
      ],
    },
    annotations: { list: [] },
    panels,
  };
}

// Google Cloud Monitoring, over Managed Service for Prometheus:
// https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards, …/v3/projects.alertPolicies

function googleDashboard() {
  const tiles = [];
  let y = 0;
  for (const { row, panels } of rows) {
    tiles.push({
      xPos: 0,
      yPos: y,
      width: 48,
      height: 4,
      widget: { title: row, sectionHeader: { dividerBelow: true } },
    });
    y += 4;
    for (const [index, { title, queries, stacked }] of panels.entries()) {
      tiles.push({
        xPos: 24 * (index % 2),
        yPos: y + 16 * Math.floor(index / 2),
        width: 24,
        height: 16,
        widget: {
          title,
          xyChart: {
            chartOptions: { mode: 'COLOR' },
            dataSets: queries.map(({ expr }) => ({
              plotType: stacked ? 'STACKED_AREA' : 'LINE',
              targetAxis: 'Y1',
              timeSeriesQuery: { prometheusQuery: filled(expr, '', '5m') },
            })),
          },
        },
      });
    }
    y += 16 * Math.ceil(panels.length / 2);
  }
  return { displayName: 'autobird', mosaicLayout: { columns: 48, tiles } };
}

function googlePolicy(ruleGroup, { alert, expr, for: duration, labels, annotations }) {
  return {
    displayName: `${ruleGroup}/${alert}`,
    documentation: {
      // Only Prometheus fills in the values of its templates.
      content: `What to do: ${annotations.runbook_url}`,
      mimeType: 'text/markdown',
    },
    conditions: [
      {
        displayName: alert,
        conditionPrometheusQueryLanguage: {
          query: expr.trim(),
          duration: `${seconds(duration)}s`,
          evaluationInterval: '60s',
          alertRule: alert,
          ruleGroup,
          labels,
        },
      },
    ],
    combiner: 'OR',
    enabled: true,
    severity: labels.severity.toUpperCase(),
    alertStrategy: { autoClose: '86400s' },
  };
}

function seconds(duration) {
  const [, count, unit] = /^(\d+)([mh])$/.exec(duration);
  return Number(count) * { m: 60, h: 3600 }[unit];
}
