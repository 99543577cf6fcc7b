import { readFile } from 'node:fs/promises';
import { expect, expectAccessible, expectNoSidewaysScroll, signIn, test } from '../fixtures';

test.use({ allowed: [/status of 40[23]/] });

const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

test('a report is asked for, made, taken away as a PDF, and removed', async ({ page }) => {
  await signIn(page, 'owner@meridian.example');
  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('link', { name: 'Compliance reports' }).click();
  await expect(page.getByRole('heading', { name: 'Ask for a report' })).toBeVisible();
  await expectAccessible(page);

  await page.getByLabel('First day (UTC)').fill(day(20));
  await page.getByLabel('Last day (UTC)').fill(day(0));
  const ask = page.locator('#ask');
  await ask.getByLabel('Format').selectOption('PDF');
  await ask.getByRole('button', { name: 'Make the report' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('is being made');

  const row = page.locator('tr[data-report]').filter({ hasText: `${day(20)} to ${day(0)}, PDF` }).first();
  await expect(async () => {
    await page.reload();
    await expect(row).toHaveAttribute('data-report', 'READY');
  }).toPass();
  await expect(row).toContainText('Ready');
  await expectAccessible(page);
  const waits = page.waitForEvent('download');
  await row.getByRole('link', { name: /Download/ }).click();
  const file = await waits;
  expect(file.suggestedFilename()).toMatch(/^workflowops-.*\.pdf$/);
  expect((await readFile(await file.path())).subarray(0, 5).toString()).toBe('%PDF-');

  await row.getByRole('button', { name: /Remove/ }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('removed');
  await page.goto('/audit?action=REPORT_REMOVED');
  await expect(page.locator('tr[data-action="REPORT_REMOVED"]').first()).toContainText('.pdf');
});

test('a monthly report is set up and ended', async ({ page }) => {
  await signIn(page, 'owner@meridian.example');
  await page.goto('/reports');
  const monthly = page.locator('#monthly');
  await monthly.getByLabel('Format').selectOption('JSON');
  await monthly.getByRole('button', { name: 'Make it every month' }).click();
  const made = monthly.locator('[data-schedule]').filter({ hasText: 'JSON' });
  await expect(made.first()).toContainText('Next on');
  await made.first().getByRole('button', { name: /^End/ }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('made no more');
});

test('who may not see it is refused', async ({ page }) => {
  await signIn(page, 'operator@meridian.example');
  await page.goto('/reports');
  await expect(page.getByRole('heading', { name: 'Ask for a report' })).toHaveCount(0);
});

test.describe('without scripts, in a narrow window', () => {
  test.use({ javaScriptEnabled: false, viewport: { width: 375, height: 812 }, colorScheme: 'dark' });

  test('a report is asked for, and the page is read without scrolling sideways', async ({ page }) => {
    await signIn(page, 'owner@meridian.example');
    await page.goto('/reports');
    await page.getByRole('button', { name: 'Make the report' }).click();
    await expect(page.locator('tr[data-report]').first()).toBeVisible();
    await expectNoSidewaysScroll(page);
    await page.locator('tr[data-report]').first().getByRole('button', { name: /emove/ }).click();
    await expect(page.locator('[data-said="good"]')).toContainText('removed');
  });
});
