import { expect, open, signIn, standIn, test } from '../fixtures';

test('a connection is tested side by side, stored secrets are never shown, and a wrong field is named', async ({ page }) => {
  await signIn(page, 'owner@meridian.example');
  await page.getByRole('link', { name: 'Connect environment' }).click();
  const n8n = standIn('n8n of Operations');
  const github = standIn('GitHub');
  await page.getByLabel('Name', { exact: true }).fill('Second look');
  await page.getByLabel('Address of n8n').fill(n8n.url);
  await page.getByLabel('API key').fill('not the key');
  await page.getByLabel('Repository').fill('meridian/operations');
  await page.getByLabel('Folder').fill('workflows');
  await page.getByLabel("GitHub's API").fill(github.url);
  await page.getByLabel('Token', { exact: true }).fill(github.key);

  const report = page.frameLocator('iframe[name="connection-report"]');
  await page.getByRole('button', { name: 'Test connection' }).click();
  await expect(report.locator('[data-report="live"]')).toContainText('n8n does not work');
  await expect(report.locator('[data-report="desired"]')).toContainText('GitHub works');
  await expect(page.getByLabel('Token', { exact: true })).toHaveValue(github.key);

  await page.getByLabel('API key').fill(n8n.key);
  await page.getByRole('button', { name: 'Test connection' }).click();
  await expect(report.locator('[data-report="live"]')).toContainText('n8n works');

  await page.getByLabel('Repository').fill('operations');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(page.getByLabel('Repository')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('Second look');
  await expect(page.getByLabel('API key')).toHaveValue('');

  await page.getByLabel('Repository').fill('meridian/operations');
  await page.getByLabel('API key').fill(n8n.key);
  await page.getByLabel('Token', { exact: true }).fill(github.key);
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Second look', level: 1 })).toBeVisible();
  await expect(page.locator('[data-banner]')).toHaveAttribute('data-banner', 'IN_SYNC');

  await page.getByRole('link', { name: 'Settings' }).click();
  expect(await page.content()).not.toContain(github.key);
  expect(await page.content()).not.toContain(n8n.key);
  await page.getByRole('button', { name: 'Test connection' }).click();
  await expect(report.locator('[data-report="live"]')).toContainText('n8n works');
});

test('administrators see the webhook, and copy its address', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await signIn(page, 'owner@kettle.example');
  await open(page, 'Shop');
  await page.getByRole('link', { name: 'Settings' }).click();
  const address = await page.locator('#webhook-address').textContent();
  expect(address).toContain(`${process.env.WORKFLOWOPS_URL}/webhooks/github/`);
  await expect(async () => {
    await page.getByRole('button', { name: 'Copy the payload URL' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(address);
  }).toPass();
});
