/** Pages in a real Chromium; what goes wrong in them is collected. */
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findProgram } from './findProgram.ts';

const executablePath = findProgram('chromium', 'chromium-browser', 'google-chrome');

/** Whether there is a browser on this machine. */
export const hasBrowser = executablePath !== undefined;

export interface Visit {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, requests to elsewhere; empty where all is well. */
  readonly problems: readonly string[];
}

/** One for a test file, begun when it is first needed; {@link closeBrowser} ends it. */
let launched: Promise<Browser> | null = null;

export async function closeBrowser(): Promise<void> {
  await (await launched)?.close();
}

/** Runs `use` with a page of a fresh profile, which is gone afterwards. */
export async function withPage(options: BrowserContextOptions, use: (visit: Visit) => Promise<void>): Promise<void> {
  launched ??= chromium.launch({
    executablePath: executablePath as string,
    args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required'],
  });
  const context = await (await launched).newContext(options);
  try {
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    const problems: string[] = [];
    // The browser reports a breach of the policy as an error too.
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => problems.push(`exception: ${error.message}`));
    page.on('request', (request) => {
      const url = request.url();
      if (!/^(http:\/\/127\.0\.0\.1:\d+\/|blob:|data:)/.test(url)) problems.push(`a request to ${url}`);
    });
    await use({ page, problems });
  } finally {
    await context.close();
  }
}

/** What axe finds against WCAG 2.2 AA and its best practices, a line each. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return await page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as { axe: typeof axe };
    // To preload style sheets it would write some into the page, which the policy forbids.
    const { violations } = await checker.run({ preload: false });
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
  });
}

/** A reverse proxy that mounts `target` below `/birds`, as an operator's would. Runs `use` with its address. */
export async function withProxy(target: string, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url?.startsWith('/birds/') ? incoming.url.slice('/birds'.length) : null;
    if (path === null && incoming.url !== '/birds') return outgoing.writeHead(404).end();
    const { method, headers } = incoming;
    const passed = httpRequest(`${target}${path ?? '/'}`, { method: method ?? 'GET', headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    return incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/birds`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
