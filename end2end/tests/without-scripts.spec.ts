import { expect, openDrift, signIn, standIn, test } from '../fixtures';

test('the list, the workspace, the filter and a diff need no script', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await expect(page.locator('tr[data-environment]')).toHaveCount(8);
  await expect(page.locator('.needs-js:visible')).toHaveCount(0);
  await openDrift(page, 'Bright Labs');
  await page.getByLabel('Origin').selectOption('COLLISION');
  await page.getByRole('button', { name: 'Filter' }).click();
  await expect(page.locator('#changes tr[data-change]')).toHaveCount(1);
  await page.locator('#changes tr[data-change] a').click();
  await expect(page.getByText('n8n and Git were both changed')).toBeVisible();
  await expect(page.locator('#diff [data-path]').first()).toBeVisible();
});

test('Recheck, and a decision with its reason, need no script', async ({ page }) => {
  await signIn(page, 'operator@northlight.example');
  await openDrift(page, 'Harbor Hotel');
  await page.getByRole('button', { name: /Recheck|Checking/ }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('A check is on its way');
  const vanished = page.locator('[data-vanished="Global Error Handler"]');
  await vanished.getByLabel('Reason').fill('reviewed the commit');
  await vanished.getByRole('button', { name: 'Record decision' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Recorded');
  await expect(vanished).toHaveCount(0);
});

test('a connection is tested without a script, and the form keeps its secrets meanwhile', async ({ page }) => {
  await signIn(page, 'owner@kettle.example');
  await page.goto('/environments/new');
  const n8n = standIn('n8n of Shop');
  await page.getByLabel('Name', { exact: true }).fill('Shop again');
  await page.getByLabel('Address of n8n').fill(n8n.url);
  await page.getByLabel('API key').fill(n8n.key);
  await page.getByLabel('Repository').fill('kettle-and-pine/nowhere');
  await page.getByLabel("GitHub's API").fill(standIn('GitHub').url);
  await page.getByLabel('Token', { exact: true }).fill(standIn('GitHub').key);
  await page.getByRole('button', { name: 'Test connection' }).click();
  const report = page.frameLocator('iframe[name="connection-report"]');
  await expect(report.locator('[data-report="live"]')).toContainText('n8n works');
  await expect(report.locator('[data-report="desired"]')).toContainText('GitHub does not work');
  await expect(page.getByLabel('API key')).toHaveValue(n8n.key);
});

test('theme and organization are changed without a script', async ({ page }) => {
  await signIn(page, 'auditor@northlight.example');
  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('button', { name: 'Dark theme' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await page.getByRole('button', { name: /^Organization:/ }).click();
  await page.getByRole('button', { name: /^Northlight Automation/ }).click();
  await expect(page.getByRole('link', { name: 'Harbor Hotel', exact: true })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});
