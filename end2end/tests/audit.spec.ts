import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, expectAccessible, expectNoSidewaysScroll, signIn, test } from '../fixtures';

const BINARY = resolve(process.env.WORKFLOWOPS_BIN ?? resolve(__dirname, '../../target/debug/workflowops'));

test.use({ allowed: [/status of 40[23]/] });

test('what was done is in the log, found by its filter, and taken away as a file that verifies', async ({ page }, info) => {
  test.slow();
  await signIn(page, 'owner@meridian.example');
  await page.goto('/settings/incident-settings');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('[data-said="good"]')).toBeVisible();

  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('link', { name: 'Audit log' }).click();
  await expect(page.locator('tr[data-action]').first()).toHaveAttribute('data-action', 'INCIDENT_SETTINGS_SET');
  await expect(page.locator('tr[data-action="SIGN_IN"]').first()).toContainText('127.0.0.1, by a page');
  await expect(async () => {
    await page.reload();
    await expect(page.locator('#audit-seals')).toContainText(/Sealed (and sound )?up to entry \d+/, { timeout: 500 });
  }).toPass();

  await page.getByLabel('What', { exact: true }).selectOption('INCIDENT_SETTINGS_SET');
  await expect(page).toHaveURL(/action=INCIDENT_SETTINGS_SET/);
  const rows = page.locator('tr[data-action]');
  await expect(rows.first()).toBeVisible();
  expect(new Set(await rows.evaluateAll((all) => all.map((row) => row.getAttribute('data-action'))))).toEqual(new Set(['INCIDENT_SETTINGS_SET']));
  await rows.first().getByText('Particulars').click();
  await expect(rows.first().locator('pre').first()).toBeVisible();
  await expectAccessible(page);

  await page.getByRole('link', { name: 'Show all' }).click();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Export that verifies' }).click();
  const file = info.outputPath('audit.jsonl');
  await (await download).saveAs(file);
  expect(execFileSync(BINARY, ['audit', 'verify', '--file', file], { encoding: 'utf8' })).toMatch(/sound/i);
  const altered = readFileSync(file, 'utf8').replace('INCIDENT_SETTINGS_SET', 'INCIDENT_CLOSED');
  writeFileSync(file, altered);
  const broken = spawnSync(BINARY, ['audit', 'verify', '--file', file], { encoding: 'utf8' });
  expect(broken.status).toBe(1);
  await page.reload();
  await expect(page.locator('tr[data-action]').first()).toHaveAttribute('data-action', 'EXPORTED');
});

test('whoever may not read it is refused, and that is in the log', async ({ page, browser }) => {
  await signIn(page, 'operator@meridian.example');
  await page.goto('/audit');
  await expect(page.getByRole('heading', { name: 'Audit log' })).toHaveCount(0);
  const admin = await (await browser.newContext()).newPage();
  await signIn(admin, 'owner@meridian.example');
  await admin.goto('/audit?action=REFUSED');
  await expect(admin.locator('tr[data-action="REFUSED"]').first()).toBeVisible();
});

test.describe('without scripts, in a narrow window', () => {
  test.use({ javaScriptEnabled: false, viewport: { width: 375, height: 812 }, colorScheme: 'dark' });
  test('it is filtered and unfolds', async ({ page }) => {
    await signIn(page, 'owner@northlight.example');
    await page.goto('/audit');
    await page.getByLabel('With the words').fill('Signed in');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    expect(page.url()).toContain('text=Signed');
    await page.goto('/audit');
    await page.locator('tr[data-action] summary').first().click();
    await expect(page.locator('tr[data-action] details[open]').first()).toBeVisible();
    const wide = await page.locator('html').evaluate((html) => html.scrollWidth <= html.clientWidth).catch(() => true);
    expect(wide).toBe(true);
  });
});

for (const scheme of ['light', 'dark'] as const) {
  test.describe(`${scheme}, 375 wide`, () => {
    test.use({ colorScheme: scheme, viewport: { width: 375, height: 812 } });
    test('the log is accessible and fits', async ({ page }) => {
      await signIn(page, 'owner@meridian.example');
      await page.goto('/audit');
      for (const fold of await page.locator('tr[data-action] summary').all()) await fold.click();
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
    });
  });
}
