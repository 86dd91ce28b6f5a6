/** Run reports in Chrome or Chromium, from a file and from a server like S3. Without a browser, the tests are skipped. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/command-line.ts';
import { sampleReports } from '../../support/sample-reports.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'msedge'];
const PLACES = [
  ...(process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name))),
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

function findBrowser(): string | undefined {
  const { CHROME_PATH } = process.env;
  return CHROME_PATH ?? PLACES.find((place) => existsSync(place));
}

const browserPath = findBrowser();
const reports = sampleReports();
const kinds = Object.keys(reports);

if (browserPath === undefined) {
  it('run reports in a browser', ({ skip }) => {
    skip('There is no browser: install Chromium, or set CHROME_PATH to the path of Chrome or Chromium.');
  });
}

describe.runIf(browserPath !== undefined)('a run report', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await puppeteer.launch({
      executablePath: browserPath ?? '',
      // Containers that build software rarely allow the sandbox of the browser, and the pages are ours.
      args: ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
    });
  });
  afterAll(() => browser?.close());

  /** What a page did besides showing itself. */
  interface Seen {
    readonly page: Page;
    readonly requests: readonly string[];
    readonly problems: readonly string[];
  }

  async function open(url: string, { width = 1280, scripts = true } = {}, use: (seen: Seen) => Promise<void>) {
    const page = await browser.newPage();
    const [requests, problems]: [string[], string[]] = [[], []];
    page.on('console', (message) => void problems.push(message.text()));
    page.on('pageerror', (error) => void problems.push(String(error)));
    page.on('dialog', (dialog) => {
      problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (request.url() !== url && !request.url().startsWith('data:')) requests.push(request.url());
    });
    try {
      await page.setJavaScriptEnabled(scripts);
      await page.setViewport({ width, height: 900 });
      await page.goto(url);
      await use({ page, requests, problems });
    } finally {
      await page.close();
    }
  }

  /** A report as a file. */
  async function fileOf(html: string): Promise<string> {
    const path = join(await temporaryFolder(), '_report.html');
    await writeFile(path, html);
    return pathToFileURL(path).href;
  }

  // Expressions as text: the types of the project know no DOM.
  const textOf = (page: Page, selector: string) =>
    page.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`) as Promise<string>;
  const styleOf = (page: Page, selector: string, property: string) =>
    page.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`) as Promise<string>;

  it.each(kinds)('opens from a file without a request, a violation, or an error: %s', async (kind) => {
    await open(await fileOf(reports[kind] ?? ''), {}, async ({ page, requests, problems }) => {
      expect(await page.title()).toMatch(/^(?:all-accounts|engage): .+\.$/);
      expect({ requests, problems }).toEqual({ requests: [], problems: [] });
      // The style applies.
      expect(await styleOf(page, 'main', 'maxWidth')).toBe('1080px');
    });
  });

  it('opens through a link to a bucket', async () => {
    const server = createServer((request, response) => {
      const type = new URL(request.url ?? '', 'http://localhost').searchParams.get('response-content-type');
      response.writeHead(200, { 'content-type': type ?? 'binary/octet-stream' });
      response.end(reports.consistent);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const query = `response-content-type=${encodeURIComponent('text/html; charset=utf-8')}&X-Amz-Signature=abc`;
      const url = `http://127.0.0.1:${port}/bucket/export_runs/run_id=run-1/_report.html?${query}`;
      await open(url, {}, async ({ page, requests, problems }) => {
        expect(await textOf(page, 'h1')).toBe('12,431 accounts, published, consistent.');
        expect({ requests, problems }).toEqual({ requests: [], problems: [] });
      });
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it.each(kinds)('fits on a phone: %s', async (kind) => {
    await open(await fileOf(reports[kind] ?? ''), { width: 390 }, async ({ page }) => {
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    });
  });

  it.each([390, 1280])('breaks no word of what failed, and no command, on a page %d wide', async (width) => {
    await open(await fileOf(reports.failed ?? ''), { width }, async ({ page }) => {
      const linesOf = (selector: string) =>
        page.evaluate(`Array.from(document.querySelectorAll(${JSON.stringify(selector)}), (element) => {
          const range = document.createRange();
          range.selectNodeContents(element);
          return new Set(Array.from(range.getClientRects(), ({ top }) => top)).size;
        })`);
      expect(await linesOf('.failures tbody th, .failures td:nth-child(2)')).toEqual(Array(6).fill(1));
      expect(await linesOf('.state code')).toEqual([1]);
      const cut = `Array.from(document.querySelectorAll('.scroll')).filter((box) => box.querySelector('.failures') && box.scrollWidth > box.clientWidth).length`;
      expect(await page.evaluate(cut)).toBe(0);
    });
  });

  it('executes nothing that a name contains', async () => {
    await open(await fileOf(reports.hostile ?? ''), {}, async ({ page, problems }) => {
      expect(await page.title()).toBe('engage: 1,200 accounts, published, consistent. 1 field vanished.');
      expect(await page.$$eval('script, img', (elements) => elements.length)).toBe(0);
      expect(problems).toEqual([]);
    });
  });

  it('executes nothing even if a name were not escaped, and the tests notice', async () => {
    const injected = (reports.consistent ?? '').replace(
      '<footer>',
      '<img src=x onerror="document.title=\'hacked\'"><script>document.title="hacked"</script><p style="color:red">x</p><footer>',
    );
    await open(await fileOf(injected), {}, async ({ page, problems }) => {
      expect(await page.title()).toBe('all-accounts: 12,431 accounts, published, consistent.');
      expect(problems.join()).toMatch(/Content Security Policy/);
      expect(problems.length).toBeGreaterThanOrEqual(3);
    });
  });

  it('can be read without scripts: the sentence, the figures, the verification', async () => {
    await open(await fileOf(reports.consistent ?? ''), { scripts: false }, async ({ page }) => {
      expect(await textOf(page, 'header')).toContain('12,431 accounts, published, consistent.');
      expect(await textOf(page, '.figures')).toMatch(
        /Accounts\s+12,431[\s\S]+Contract records\s+12,558[\s\S]+Size\s+609\.6 kB/,
      );
      expect(await textOf(page, '[aria-labelledby=verification]')).toMatch(
        /Page boundaries\s+✓ passed\s+26 checked, 0 moved/,
      );
    });
  });

  it('follows the color scheme of the reader', async () => {
    await open(await fileOf(reports.consistent ?? ''), {}, async ({ page }) => {
      const background = () => styleOf(page, 'body', 'backgroundColor');
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
      const light = await background();
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
      expect([light, await background()]).toEqual(['rgb(245, 246, 248)', 'rgb(14, 17, 22)']);
    });
  });
});
