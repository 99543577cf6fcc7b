import { expect, openIncident, signIn, test } from '../fixtures';

test('a collision is looked at, picked and looked at again without a script', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await openIncident(page, 'Bright Labs');
  const change = page.locator('[data-change*="Reddit"], [data-change*="Research"]').first();
  await change.locator('summary', { hasText: 'Choose a path' }).click();
  await change.getByRole('radio', { name: /Promote to Git/ }).check();
  await change.getByLabel('Reason').fill('Both have a point');
  await change.getByRole('button', { name: 'Record path' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Recorded');

  await page.getByRole('button', { name: 'Show what would be written' }).click();
  await expect(page.locator('[data-problems]')).toContainText('Pick a side for each');
  await expect(page.getByRole('button', { name: 'Carry it out' })).toHaveCount(0);
  for (const conflict of await page.locator('[data-conflict]').all()) {
    await conflict.locator('[data-pick="live"] input').check();
  }
  await page.getByRole('button', { name: 'Look at the result' }).click();
  await expect(page.locator('[data-conflict]')).toHaveCount(0);
  await expect(page.locator('[data-parts]')).toContainText('picked');
  await expect(page.getByRole('button', { name: 'Carry it out' })).toBeVisible();
});
