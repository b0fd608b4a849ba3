/** The pages: one frame around the middle parts in `page/*.html`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface WebPage {
  /** Its route. */
  readonly path: string;
  readonly html: string;
}

interface PageEntry {
  readonly name: 'listen' | 'history' | 'log' | 'runs' | 'status';
  readonly title: string;
  /** In the navigation. */
  readonly link: string;
  /** Below `/app/`. */
  readonly folder: string;
}

const entries: readonly PageEntry[] = [
  { name: 'listen', title: 'Listen', link: 'Listen', folder: '' },
  { name: 'history', title: 'History', link: 'History', folder: 'history/' },
  { name: 'log', title: 'Log', link: 'Log', folder: 'log/' },
  { name: 'runs', title: 'Training runs', link: 'Runs', folder: 'runs/' },
  { name: 'status', title: 'Status', link: 'Status', folder: 'status/' },
];

/** Reads the parts in `dir` and frames them; those of runs and of the log only where there is something to show. */
export async function readPages(
  dir: string,
  shown: { readonly runs: boolean; readonly log: boolean },
): Promise<WebPage[]> {
  const pages = entries.filter(({ name }) => (name !== 'runs' && name !== 'log') || shown[name]);
  return await Promise.all(
    pages.map(async (page) => ({
      path: `/app/${page.folder}`,
      html: frame(page, pages, await readFile(join(dir, `${page.name}.html`), 'utf8')),
    })),
  );
}

function frame({ name, title, folder }: PageEntry, pages: readonly PageEntry[], main: string): string {
  // Relative, for services behind a path of their own.
  const base = folder === '' ? './' : '../';
  const links = pages
    .map((page) => {
      const current = page.name === name ? ' aria-current="page"' : '';
      return `<li><a href="${base}${page.folder}"${current}>${page.link}</a></li>`;
    })
    .join('\n        ');
  const sheets = ['colors', 'frame', 'parts', name]
    .map((sheet) => `  <link rel="stylesheet" href="${base}assets/${sheet}.css">`)
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${title} · autobird</title>
  <link rel="icon" href="${base}assets/logo.svg" type="image/svg+xml">
${sheets}
  <script type="module" src="${base}assets/${name}.js"></script>
</head>
<body>
  <a class="skip" href="#main">Skip to the content</a>
  <header class="top">
    <a class="brand" href="${base}" aria-label="autobird, start"><img src="${base}assets/logo.svg" alt="" width="28" height="28"> autobird</a>
    <nav aria-label="Pages">
      <ul>
        ${links}
      </ul>
    </nav>
  </header>
  <main id="main" tabindex="-1">
${main.trimEnd()}
  </main>
  <footer class="bottom">
    <p><a href="${base}../docs">API</a> · <a href="${base}../redoc">Reference</a> · <button type="button" class="link" id="open-key">API key</button> <span id="version"></span></p>
  </footer>
  <p id="announcer" class="unseen" role="status" aria-live="polite"></p>
</body>
</html>
`;
}
