import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import type { TestDatabase } from '../../support/database.js';
import { externalProgram } from './external-program.js';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** Only what goes wrong takes so long, however slow the machine is. */
const PATIENT_MS = 120_000;
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Chromium, and tests that need it. */
export const { path: CHROMIUM, describe: describeInBrowser } = externalProgram(
  'Chromium',
  'PGLOCK_TEST_CHROMIUM',
  PLACES,
);

/** A page, and what went wrong in it. */
export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, refusals of the policy, and requests to elsewhere. */
  readonly wrongs: readonly string[];
}

/** A browser with a profile of its own, which ends after the test (or file). */
export async function openBrowser(
  db: TestDatabase,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const profile = mkdtempSync(join(tmpdir(), 'pglock-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM!,
    headless: true,
    args: ARGS,
    viewport: { width: 1280, height: 900 },
    timeout: PATIENT_MS,
    ...options,
  });
  context.setDefaultTimeout(PATIENT_MS);
  db.defer(async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  });
  return context;
}

export async function openPage(context: BrowserContext, url: string): Promise<OpenPage> {
  const page = await context.newPage();
  const wrongs: string[] = [];
  const { origin } = new URL(url);
  page.on('pageerror', (error) => wrongs.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text()))
      wrongs.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
      wrongs.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  await page.locator('nav').waitFor();
  return { page, context, wrongs };
}
