/** The frame of every report: one file that needs nothing else, reads well on a phone, at night and on paper. */

import { type Html, type HtmlValue, html, nothing } from './html.ts';

export interface Page {
  readonly title: string;
  /** One line below the title: plain text. */
  readonly subtitle: string;
  /** In reading order; their titles become the contents. */
  readonly sections: readonly Section[];
  /** Plain text at the end. */
  readonly footer: string;
}

export interface Section {
  readonly title: string;
  readonly body: HtmlValue;
}

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly numeric?: boolean;
}

/** The whole page, complete in itself. */
export function renderPage(page: Page): string {
  const id = (i: number) => `section-${i + 1}`;
  const contents = page.sections.map(({ title }, i) => html`<a href="#${id(i)}">${title}</a>`);
  const sections = page.sections.map(
    ({ title, body }, i) => html`<section id="${id(i)}"><h2>${title}</h2>${body}</section>\n`,
  );
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title}</title>
<style>${style}</style>
</head>
<body>
<header><h1>${page.title}</h1><p>${page.subtitle}</p><nav>${contents}</nav></header>
<main>
${sections}</main>
<footer>${page.footer}</footer>
</body>
</html>
`);
}

/** Figures to see first: a number, what it counts and, small, what to know about it. */
export function tiles(
  items: readonly { readonly value: string; readonly label: string; readonly note?: string }[],
): Html {
  const tile = ({ value, label, note = '' }: (typeof items)[number]) =>
    html`<div class="tile"><b>${value}</b><span>${label}</span><small>${note}</small></div>`;
  return html`<div class="tiles">${items.map(tile)}</div>`;
}

/** Longer tables scroll inside their frame on a phone too. */
const maxCards = 60;

/** Long tables scroll inside their frame; on a phone a row becomes a card of its own. */
export function table(columns: readonly (Column | string)[], rows: readonly (readonly HtmlValue[])[]): Html {
  const all = columns.map((column): Column => (typeof column === 'string' ? { title: column } : column));
  const align = all.map(({ numeric }) => (numeric ? html` class="number"` : nothing));
  const head = all.map(({ title }, i) => html`<th${align[i] as Html}>${title}</th>`);
  const cell = (value: HtmlValue, i: number) =>
    html`<td${align[i] as Html} data-title="${all[i]?.title ?? ''}">${value}</td>`;
  const body = rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`);
  const frame = rows.length > maxCards ? 'scroll long' : 'scroll';
  return html`<div class="${frame}"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** A sentence that must not be missed. */
export function notice(kind: 'good' | 'warning' | 'bad', text: string): Html {
  return html`<p class="notice ${kind}">${text}</p>`;
}

/** A chart or picture with its caption. */
export function figure(content: HtmlValue, caption: HtmlValue): Html {
  return html`<figure>${content}<figcaption>${caption}</figcaption></figure>`;
}

/** Figures side by side where there is room. */
export function gallery(figures: readonly Html[], minWidthPx = 300): Html {
  return html`<div class="gallery" style="--min:${minWidthPx}px">${figures}</div>`;
}

// No text of others: only the markup of a page may hold quotes and signs that are not escaped.
const style = html`
:root{color-scheme:light dark;--paper:#fdfdfb;--ink:#1d2421;--soft:#66716b;--line:#dfe3de;--panel:#f3f5f1;--accent:#1f6f54;
--c1:#2a7f62;--c2:#e0a030;--c3:#c4513f;--c4:#4a6fa5;--c5:#8b5e9b;--c6:#7a8450;--c7:#b0738a;--c8:#5f6b6d;
--good:#2a7f62;--warning:#b57a10;--bad:#b83c2e}
@media (prefers-color-scheme:dark){:root{--paper:#141917;--ink:#e6ebe7;--soft:#96a39c;--line:#2d3632;--panel:#1c2320;--accent:#7cc9aa;
--c1:#5bb894;--c2:#e6b450;--c3:#e0796a;--c4:#86a8da;--c5:#bd94cc;--c6:#adb87f;--c7:#dda0b6;--c8:#98a5a8;
--good:#5bb894;--warning:#e6b450;--bad:#e0796a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;font-variant-numeric:tabular-nums}
header,main,footer{max-width:68rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:3rem}
h1{font-size:2.1rem;line-height:1.15;letter-spacing:-.02em;margin:0}
header p{color:var(--soft);margin:.5rem 0 1rem}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;border-block:1px solid var(--line);padding:.55rem 0}
nav a{color:var(--accent);text-decoration:none;font-size:.92rem}
nav a:hover{text-decoration:underline}
section{margin:2.6rem 0}
h2{font-size:1.25rem;letter-spacing:-.01em;margin:0 0 .9rem}
h3{font-size:1rem;margin:1.4rem 0 .6rem}
p{max-width:46rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem}
.tile{background:var(--panel);border-radius:.5rem;padding:.8rem 1rem;display:flex;flex-direction:column}
.tile b{white-space:nowrap;font-size:1.6rem;line-height:1.2;letter-spacing:-.02em;font-weight:650}
.tile span{font-size:.92rem}
.tile small{color:var(--soft);font-size:.8rem}
.scroll{overflow:auto;max-height:34rem;border:1px solid var(--line);border-radius:.5rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.38rem .8rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:break-word}
tbody tr:last-child td{border-bottom:0}
th{position:sticky;top:0;background:var(--panel);font-weight:600;white-space:nowrap;overflow-wrap:normal}
.number{text-align:right;white-space:nowrap}
.notice{border-left:4px solid var(--accent);background:var(--panel);border-radius:0 .5rem .5rem 0;padding:.7rem 1rem;margin:.8rem 0;max-width:none;overflow-wrap:anywhere}
.notice.good{border-color:var(--good)}.notice.warning{border-color:var(--warning)}.notice.bad{border-color:var(--bad)}
figure{margin:0;break-inside:avoid;min-width:0}
figcaption{color:var(--soft);font-size:.85rem;margin-top:.35rem;overflow-wrap:anywhere}
figure img{display:block;width:100%;height:auto;border-radius:.3rem;image-rendering:auto;aspect-ratio:5/2;object-fit:fill}
.plot{position:relative;margin:0 .4rem 1.25rem 3rem}
.plot span{position:absolute;color:var(--soft);font-size:.7rem;line-height:1;white-space:nowrap}
.plot .khz{right:calc(100% + .35rem);transform:translateY(50%)}
.plot .s{top:calc(100% + .3rem);transform:translateX(-50%)}
audio{display:block;width:100%;height:2.2rem}
.wide{overflow-x:auto}
.wide svg{max-width:none}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--min)),1fr));gap:1.3rem 1.5rem}
svg{display:block;max-width:100%;height:auto}
svg text{fill:var(--ink);font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
svg .soft{fill:var(--soft)}
svg .grid{stroke:var(--line);stroke-width:1;shape-rendering:crispEdges}
svg .curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;font-size:.85rem;margin:.4rem 0}
.legend span::before{content:"";display:inline-block;width:.75rem;height:.75rem;border-radius:.15rem;background:var(--c);margin-right:.4rem;vertical-align:-.06rem}
.share{white-space:nowrap}.share i{display:inline-block;vertical-align:middle;width:6.5rem;height:.55rem;border-radius:.3rem;margin-right:.5rem;background:linear-gradient(var(--c),var(--c)) 0/var(--s) 100% no-repeat var(--line)}
.share.c1{--c:var(--c1)}.share.c2{--c:var(--c2)}.share.c4{--c:var(--c4)}
.none{color:var(--soft)}
@media (max-width:40rem){
header,main,footer{padding:0 1rem}
header{padding-top:1.5rem}
h1{font-size:1.7rem;overflow-wrap:anywhere}
.scroll{max-height:none;overflow:visible;border:0}
.scroll.long{max-height:34rem;overflow:auto}
thead{display:none}
tbody tr{display:block;border:1px solid var(--line);border-radius:.5rem;padding:.45rem .8rem;margin-bottom:.6rem}
td,tbody tr:last-child td{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.15rem 0;text-align:right;overflow-wrap:anywhere}
td::before{content:attr(data-title);color:var(--soft);text-align:left;white-space:nowrap}
td:first-child{font-weight:600}
}
footer{color:var(--soft);font-size:.85rem;padding-block:1rem 3rem;border-top:1px solid var(--line)}
@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--line:#ccc;--panel:#f4f4f4}body{font-size:11px}nav{display:none}.scroll{max-height:none;overflow:visible}section{margin:1.4rem 0}header{padding-top:0}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
