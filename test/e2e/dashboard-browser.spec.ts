import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Injectable, UseInterceptors } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import type { Page } from 'playwright-core';
import { AdvisoryLock, PgLockService } from '../../lib/index.js';
import { cliFolder } from '../support/cli.js';
import { deferred, eventually, quickest, useDatabase } from '../support/database.js';
import { describeInBrowser, openBrowser, openPage } from './support/browser.js';
import { dashboardOn } from './support/dashboard.js';
import { incident, INCIDENT_SCHEMA } from './support/incident.js';

const database = useDatabase({ schema: INCIDENT_SCHEMA });
const VIEWS = ['now', 'locks', 'jobs', 'timeline', 'replicas', 'doctor'] as const;
const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds in the page as it is. Evaluated by the debugger, which the page's policy does not concern. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate<string[]>(`axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => id + ': ' + target.join(' ') + ' ' + failureSummary)))`);
}

const card = (page: Page, pid: number) => page.locator(`.card[data-session="${String(pid)}"]`);

/** Presses Tab until that has the keyboard. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate<boolean>(`document.activeElement?.matches(${JSON.stringify(selector)}) ?? false`))
      return;
  }
  throw new Error(`Tab never comes to ${selector}`);
}

/** Locks of every kind that the library has, with a call that waits within the process. */
function holdSome(pglock: PgLockService): { end(): Promise<unknown> } {
  const gate = deferred();
  const works = [
    pglock.advisory('billing.close', () => gate.promise),
    pglock.advisory('billing.close', () => undefined),
    pglock.advisory('report:7', { shared: true }, () => gate.promise),
    pglock.advisory('gpu', { permits: 3 }, () => gate.promise),
    pglock.lead('mail-poller', () => gate.promise),
  ];
  return {
    end: () => {
      gate.resolve();
      return Promise.all(works);
    },
  };
}

describeInBrowser('the page in Chromium', () => {
  it('shows the incident of five minutes, and ends it with the mouse', async () => {
    const { url, json } = await dashboardOn(database, 'express', { allowSignals: true, history: '1h' });
    const scene = await incident(database);
    const { page, wrongs } = await openPage(await openBrowser(database), `${url}/pglock/`);
    const shopper = scene.shopPids[2]!;
    await card(page, shopper).click();
    expect(new URL(page.url()).hash).toBe(`#/now?session=${String(shopper)}`);
    const lit = await page.evaluate<number[]>(
      "[...document.querySelectorAll('.card.on-way')].map((each) => Number(each.dataset.session))",
    );
    expect(lit.sort()).toEqual([scene.consolePid, scene.migrationPid, shopper].sort());
    await expect(card(page, scene.consolePid).textContent()).resolves.toMatch(
      /psql.*holds up 6.*idle in transaction.*SELECT count\(\*\) FROM orders/,
    );
    await page.getByRole('button', { name: /Clear the way/ }).click();
    const dialog = page.getByRole('dialog');
    await expect(dialog.textContent()).resolves.toContain(`Clear the way for session ${String(shopper)}`);
    await expect(dialog.locator('.targets').textContent()).resolves.toContain('psql');
    const terminate = dialog.getByRole('button', { name: 'Terminate 1 session' });
    await expect(terminate.isDisabled()).resolves.toBe(true);
    await dialog.getByRole('textbox').fill(String(scene.migrationPid));
    await expect(terminate.isDisabled()).resolves.toBe(true);
    await dialog.getByRole('textbox').fill(String(scene.consolePid));
    await terminate.click();
    await dialog.locator('.outcome').waitFor();
    await expect(dialog.locator('.outcome').textContent()).resolves.toMatch(/^terminated/);
    await dialog.getByRole('button', { name: 'Done' }).click();
    expect(await scene.over).toEqual(Array(6).fill('done'));
    await page.getByRole('heading', { name: 'No session waits' }).waitFor();
    await expect(page.locator('.empty').textContent()).resolves.toMatch(/A session last waited \d+ s ago/);
    expect((await json('/pglock/api/timeline')).body.items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'signal', by: 'olga', pid: scene.consolePid }),
      ]),
    );
    expect(wrongs).toEqual([]);
  });

  it('ends it by the keyboard alone', async () => {
    const { url } = await dashboardOn(database, 'fastify', { allowSignals: true });
    const scene = await incident(database, 2);
    const { page } = await openPage(await openBrowser(database), `${url}/pglock/`);
    await card(page, scene.shopPids[0]!).waitFor();
    await tabTo(page, '.card');
    for (const key of ['Home', 'ArrowRight', 'ArrowRight', 'ArrowLeft', 'Enter'])
      await page.keyboard.press(key);
    await expect(page.locator('.detail h2').textContent()).resolves.toContain(String(scene.migrationPid));
    await tabTo(page, '.detail .actions .primary');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo(page, '.typed input');
    await page.keyboard.type(String(scene.consolePid));
    await page.keyboard.press('Enter');
    await page.locator('.outcome').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await scene.over).toEqual(Array(3).fill('done'));
  });

  it('cancels, tells what is still blocking, and leaves whoever was not asked for alone', async () => {
    const { url } = await dashboardOn(database, 'express', { allowSignals: true });
    const scene = await incident(database, 1);
    const { page } = await openPage(
      await openBrowser(database),
      `${url}/pglock/#/now?session=${String(scene.consolePid)}`,
    );
    await page.getByRole('button', { name: 'Cancel statement…' }).click();
    await page.getByRole('button', { name: 'Cancel 1 session' }).click();
    await page.locator('.outcome').waitFor();
    await expect(page.locator('.outcome').textContent()).resolves.toMatch(/^stillBlocking/);
    await page.getByRole('button', { name: 'Done' }).click();
    await card(page, scene.migrationPid).waitFor();
    await scene.end();
    await scene.over;
  });

  it('is read-only without allowSignals', async () => {
    const { url } = await dashboardOn(database, 'express');
    const scene = await incident(database, 1);
    const { page } = await openPage(
      await openBrowser(database),
      `${url}/pglock/#/now?session=${String(scene.consolePid)}`,
    );
    await page.locator('.detail').waitFor();
    await expect(page.getByRole('button', { name: /Terminate|Cancel|Clear/ }).count()).resolves.toBe(0);
    await scene.end();
    await scene.over;
  });

  it('shows a job in words, runs it now, and gives it back', async () => {
    const ran: string[] = [];
    @Injectable()
    class Invoices {
      @Cron('0 2 * * *', { timeZone: 'UTC' })
      @UseInterceptors(AdvisoryLock('invoices.export'))
      exportAll(): void {
        ran.push('exported');
      }
    }
    const metadata = { imports: [ScheduleModule.forRoot()], providers: [Invoices] };
    const { url, json } = await dashboardOn(database, 'express', { allowSignals: true }, metadata);
    const { page, wrongs } = await openPage(await openBrowser(database), `${url}/pglock/#/jobs`);
    const job = page.locator('.job').filter({ hasText: 'Invoices.exportAll' });
    await job.waitFor();
    await expect(job.textContent()).resolves.toMatch(/At 02:00.*Next tick.*in \d+[hms]/);
    await job.getByRole('button', { name: /Run now.*Invoices\.exportAll/ }).click();
    await eventually(() => ran.length === 1);
    await job.getByText('succeeded', { exact: true }).waitFor();
    await job.getByRole('img', { name: 'Last 1 run: none failed' }).waitFor();
    await job.getByRole('button', { name: /Give back.*Invoices\.exportAll/ }).click();
    await job.getByText(/Given back at/).waitFor();
    const markers = async () =>
      (await json('/pglock/api/timeline')).body.items.filter(({ kind }) => kind === 'job');
    await eventually(async () => (await markers()).length === 3);
    for (const marker of await markers())
      expect(marker).toMatchObject({ by: 'olga', lock: 'Invoices.exportAll' });
    expect(await violations(page)).toEqual([]);
    await page.screenshot({ path: join(IMAGES, 'dashboard-jobs.png') });
    expect(wrongs).toEqual([]);
  });

  it('says that it reconnects when the server is away, and goes on by itself', async () => {
    let allowed = true;
    const first = await dashboardOn(database, 'express', { authorize: () => allowed });
    const context = await openBrowser(database);
    const [one, other] = await Promise.all([
      openPage(context, `${first.url}/pglock/`),
      openPage(context, `${first.url}/pglock/#/locks`),
    ]);
    for (const { page } of [one, other]) await page.locator('.live-live').waitFor();
    await first.app.close();
    for (const { page } of [one, other])
      await page.getByText('Reconnecting: the server does not answer').waitFor();
    const port = Number(new URL(first.url).port);
    await dashboardOn(database, 'express', { authorize: () => allowed }, {}, undefined, port);
    for (const { page } of [one, other]) await page.locator('.live-live').waitFor();
    const scene = await incident(database, 1);
    await card(one.page, scene.consolePid).waitFor();
    await other.page.getByRole('link', { name: 'orders' }).waitFor();
    allowed = false;
    await other.page.getByText('You may not look').waitFor();
    await scene.end();
    await scene.over;
  });

  it('shows hostile texts as texts, wherever they come from', async () => {
    const hostile = (where: string) => `<img src=x onerror=window.pwned="${where}">`;
    @Injectable()
    class Hostile {
      @Cron('0 2 * * *')
      @UseInterceptors(AdvisoryLock(hostile('job lock'), { job: hostile('job') }))
      run(): void {}
    }
    const { app, url } = await dashboardOn(
      database,
      'express',
      { allowSignals: true, history: '1h', authorize: () => hostile('viewer') },
      { imports: [ScheduleModule.forRoot()], providers: [Hostile] },
    );
    const gate = deferred();
    const locked = app.get(PgLockService).advisory(hostile('lock'), () => gate.promise);
    await database.admin.query(
      `CREATE TABLE "${hostile('table').replaceAll('"', '""').slice(0, 60)}" (id int)`,
    );
    const table = `"${hostile('table').replaceAll('"', '""').slice(0, 60)}"`;
    const holder = await database.connect({ application_name: hostile('name').slice(0, 60) });
    await holder.query(
      `BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE; SELECT '${hostile('query').replaceAll("'", "''")}'`,
    );
    const waiter = await database.connect({ application_name: "<script>window.pwned='script'</script>" });
    const waiting = waiter.query(
      `SELECT * FROM ${table} /*route='${encodeURIComponent(hostile('route'))}'*/`,
    );
    await database.waitForWaiter(database.pidOf(waiter));
    const { page, wrongs } = await openPage(await openBrowser(database), `${url}/pglock/`);
    await card(page, database.pidOf(waiter)).click();
    await page.locator('.detail').getByText('route', { exact: true }).waitFor();
    await page.locator('.detail').getByText(hostile('route')).waitFor();
    await page.getByRole('button', { name: 'Terminate session…' }).click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    for (const view of VIEWS) {
      await page.goto(`${url}/pglock/#/${view}`);
      await page.waitForTimeout(300);
    }
    await page.goto(`${url}/pglock/#/jobs`);
    await page.getByRole('heading', { name: hostile('job') }).waitFor();
    await page.getByRole('button', { name: /Run now/ }).click();
    await page.getByText('succeeded', { exact: true }).waitFor();
    await page.goto(`${url}/pglock/#/locks?q=${encodeURIComponent('<img')}`);
    await page.getByRole('link', { name: hostile('lock'), exact: true }).waitFor();
    await page.getByRole('link', { name: '<img' }).first().click();
    await page.locator('.lock-title').waitFor();
    await page.goto(
      `${url}/pglock/#/${encodeURIComponent(hostile('view'))}/${encodeURIComponent(hostile('item'))}?session=${encodeURIComponent(hostile('session'))}`,
    );
    await page.waitForTimeout(300);
    expect(await page.evaluate<unknown>('window.pwned')).toBeUndefined();
    await expect(page.locator('img[src="x"], main script').count()).resolves.toBe(0);
    expect(wrongs).toEqual([]);
    gate.resolve();
    await locked;
    await holder.query('ROLLBACK');
    await waiting;
  });

  it('has no violation of accessibility in any view, theme or width, and its pictures are in the docs', async () => {
    const { app, url } = await dashboardOn(database, 'express', { allowSignals: true, history: '1h' });
    const held = holdSome(app.get(PgLockService));
    const scene = await incident(database);
    const context = await openBrowser(database);
    const { page, wrongs } = await openPage(context, `${url}/pglock/`);
    mkdirSync(IMAGES, { recursive: true });
    await card(page, scene.migrationPid).waitFor();
    const found: string[] = [];
    for (const width of [375, 1280, 2560])
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: width === 375 ? 812 : 900 });
        for (const view of VIEWS) {
          await page.goto(
            `${url}/pglock/#/${view}${view === 'now' ? `?session=${String(scene.shopPids[1])}` : ''}`,
          );
          await page
            .locator(view === 'now' ? '.detail' : 'main h2')
            .first()
            .waitFor();
          await page.waitForTimeout(350);
          found.push(
            ...(await violations(page)).map((each) => `${view} ${String(width)} ${colorScheme}: ${each}`),
          );
          const wide = await page.evaluate<number>(
            'document.documentElement.scrollWidth - document.documentElement.clientWidth',
          );
          expect([view, width, wide]).toEqual([view, width, 0]);
          if (width === 1280 && colorScheme === 'light' && view !== 'jobs')
            await page.screenshot({ path: join(IMAGES, `dashboard-${view}.png`) });
          if (width === 1280 && colorScheme === 'dark' && view === 'now')
            await page.screenshot({ path: join(IMAGES, 'dashboard-now-dark.png') });
          if (process.env['PGLOCK_SHOTS'] !== undefined)
            await page.screenshot({
              path: join(process.env['PGLOCK_SHOTS'], `${view}-${String(width)}-${colorScheme}.png`),
            });
        }
      }
    await page.goto(`${url}/pglock/#/now?session=${String(scene.shopPids[1])}`);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByRole('button', { name: /Clear the way/ }).click();
    found.push(...(await violations(page)));
    await page.screenshot({ path: join(IMAGES, 'dashboard-clear.png') });
    expect(found).toEqual([]);
    expect(wrongs).toEqual([]);
    await held.end();
    await scene.end();
    await scene.over;
  });

  it('stays smooth with a thousand waits on its timeline', async () => {
    const { url } = await dashboardOn(database, 'express');
    const { page } = await openPage(await openBrowser(database), `${url}/pglock/`);
    const now = Date.now();
    const items = Array.from({ length: 1_000 }, (_, index) => ({
      type: 'wait',
      id: `x:w${String(index)}`,
      lock: { key: `table:t${String(index % 25)}`, kind: 'table', name: `t${String(index % 25)}` },
      mode: 'ACCESS_SHARE',
      pid: index + 1,
      backendStart: null,
      application: `app ${String(index % 7)}`,
      user: 'shop',
      query: 'SELECT 1',
      from: new Date(now - 290_000 + index * 280).toISOString(),
      to: new Date(now - 290_000 + index * 280 + 4_000).toISOString(),
      blockers: [],
    }));
    await page.route('**/api/timeline*', (route) =>
      route.fulfill({
        json: {
          connection: 'default',
          at: new Date(now),
          since: new Date(now - 300_000),
          historyMs: 900_000,
          items,
        },
      }),
    );
    await page.goto(`${url}/pglock/#/timeline`);
    await page.reload();
    await page.getByText('1,000 waits').waitFor();
    const longest = () =>
      page.evaluate<number>(`(async () => {
      const long = [];
      new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration)))
        .observe({ entryTypes: ['longtask'] });
      const buttons = [...document.querySelectorAll('button[aria-label^="Zoom"], button[aria-label="Earlier"], button[aria-label="Later"]')];
      for (let round = 0; round < 12; round++) {
        buttons[round % buttons.length].click();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return Math.max(0, ...long);
    })()`);
    expect(await quickest(250, longest)).toBeLessThan(250);
  });

  it('is served by pglock ui behind a token, records, and shows the recording with a slider', async () => {
    const folder = cliFolder(database);
    const live = folder.start(['ui', '--no-open', '--record', 'incident.ndjson']);
    const address = await eventually(() => /http:\S+/.exec(live.output())?.[0]);
    expect(new URL(address).hostname).toBe('127.0.0.1');
    const without = new URL(address);
    without.search = '';
    for (const path of ['', 'app.js', 'api/now', 'api/events', '?token=x'])
      expect([path, (await fetch(new URL(path, without))).status]).toEqual([path, 401]);
    const context = await openBrowser(database);
    const { page, wrongs } = await openPage(context, address);
    await page.getByRole('heading', { name: 'No session waits' }).waitFor();
    const scene = await incident(database, 2);
    await card(page, scene.consolePid).waitFor();
    await page.waitForTimeout(2_500);
    await scene.end();
    await scene.over;
    await page.getByRole('heading', { name: 'No session waits' }).waitFor();
    expect(wrongs).toEqual([]);
    live.process.kill('SIGTERM');
    expect((await live.result).code).toBe(0);
    const replay = folder.start(['ui', '--no-open', '--replay', 'incident.ndjson'], {
      DATABASE_URL: undefined,
    });
    const recorded = await eventually(() => /http:\S+/.exec(replay.output())?.[0]);
    const again = await openPage(context, recorded);
    const slider = again.page.getByRole('slider');
    const [from, to] = [await slider.getAttribute('min'), await slider.getAttribute('max')].map(Number) as [
      number,
      number,
    ];
    await again.page.getByRole('heading', { name: 'No session waits' }).waitFor();
    let seen = false;
    for (const patienceMs of [120, 500, 3_000])
      for (let at = from; at <= to && !seen; at += 500) {
        await slider.fill(String(at));
        await again.page.waitForTimeout(patienceMs);
        seen = (await card(again.page, scene.consolePid).count()) > 0;
      }
    expect(seen).toBe(true);
    await card(again.page, scene.migrationPid).click();
    await again.page.locator('.detail').waitFor();
    await expect(again.page.getByRole('button', { name: /Terminate/ }).count()).resolves.toBe(0);
    await slider.fill(String(to));
    await again.page.getByRole('heading', { name: 'No session waits' }).waitFor();
    await again.page.goto(`${recorded}#/timeline`);
    await again.page.getByText(/waits/).first().waitFor();
    expect(again.wrongs).toEqual([]);
    replay.process.kill('SIGTERM');
    expect((await replay.result).code).toBe(0);
  });
});
