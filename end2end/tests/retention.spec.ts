import { expect, expectAccessible, expectNoSidewaysScroll, signIn, test } from '../fixtures';

test.use({ allowed: [/status of 40[23]/] });

test('a hold is placed and released with a reason, and both are in the audit log', async ({ page }) => {
  await signIn(page, 'owner@meridian.example');
  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('link', { name: 'Retention' }).click();
  await expect(page.getByRole('heading', { name: 'The next tidying' })).toBeVisible();
  await expect(page.locator('tr[data-kind="INCIDENTS"]')).toBeVisible();
  await expectAccessible(page);

  await page.getByLabel('Why it is placed').fill('Case 7');
  await page.getByRole('button', { name: 'Place the hold' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('nothing of it is removed');
  const held = page.locator('[data-hold="held"]').filter({ hasText: 'Case 7' });
  await expect(held).toContainText('All of the organization');

  await held.getByText('Release', { exact: true }).click();
  await held.getByLabel('Why it is released').fill('The case is closed');
  await held.getByRole('button', { name: 'Release the hold' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('stays on record');
  await expect(page.locator('[data-hold="released"]').filter({ hasText: 'Case 7' }).first()).toContainText('The case is closed');

  await page.goto('/audit?action=HOLD_RELEASED');
  await expect(page.locator('tr[data-action="HOLD_RELEASED"]').first()).toContainText('The organization');
});

test('who may not see it is refused', async ({ page }) => {
  await signIn(page, 'operator@meridian.example');
  await page.goto('/retention');
  await expect(page.getByRole('heading', { name: 'The next tidying' })).toHaveCount(0);
});

test.describe('without scripts, in a narrow window', () => {
  test.use({ javaScriptEnabled: false, viewport: { width: 375, height: 812 }, colorScheme: 'dark' });

  test('it is read without scrolling sideways', async ({ page }) => {
    await signIn(page, 'owner@meridian.example');
    await page.goto('/retention');
    await expect(page.getByRole('heading', { name: 'Legal holds' })).toBeVisible();
    await expectNoSidewaysScroll(page);
  });
});
