import { expect, open, signIn, test } from '../fixtures';

test('the list has a badge for each environment, counts on top, and nothing deeper', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  const rows = page.locator('tr[data-environment]');
  await expect(rows).toHaveCount(8);
  await expect(rows.locator('[data-badge]')).toHaveCount(8);
  const staging = page.locator('tr[data-environment="Harbor Hotel Staging"]');
  await expect(staging).toContainText('Unverified');
  const counts = await page.locator('[data-count] dd').allTextContents();
  expect(counts.map(Number).reduce((a, b) => a + b)).toBe(8);
  await expect(page.locator('main a[href*="/drift"], main button')).toHaveCount(0);
});

for (const [environment, badge, title] of [
  ['Northlight Production', 'INCIDENT_ACTIVE', 'Drift incident active: 5 workflows differ'],
  ['Bright Labs Sandbox', 'DRIFT_DETECTED', 'Drift detected'],
  ['Northlight Staging', 'IN_SYNC', 'In sync'],
  ['Harbor Hotel Staging', 'UNVERIFIED', 'Unverified'],
]) {
  test(`the page of ${environment} has one banner, which leads to the workspace`, async ({ page }) => {
    await signIn(page, 'owner@northlight.example');
    await open(page, environment);
    const banner = page.locator('[data-banner]');
    await expect(banner).toHaveCount(1);
    await expect(banner).toHaveAttribute('data-banner', badge);
    await expect(banner).toContainText(title);
    await expect(page.locator('main').getByRole('button')).toHaveCount(0);
    await banner.getByRole('link', { name: 'View Drift' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toContainText(environment);
    await expect(page).toHaveURL(badge === 'INCIDENT_ACTIVE' ? /\/incidents\// : /\/drift$/);
  });
}

test('an unverified environment says why, since when, and what was known', async ({ page }) => {
  await signIn(page, 'viewer@northlight.example');
  await open(page, 'Harbor Hotel Staging');
  const banner = page.locator('[data-banner]');
  await expect(banner).toContainText('cannot be reached');
  await expect(banner).toContainText('failing since');
  await expect(banner).toContainText('1 workflow was known to differ');
  await expect(banner).not.toContainText('In sync');
});

test('ages tick without a reload', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  const age = page.locator('tr[data-environment="Harbor Hotel Staging"] time');
  const before = await age.textContent();
  await expect(age).not.toHaveText(before!);
});
