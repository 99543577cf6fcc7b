import { expect, openIncident, signIn, test } from '../fixtures';

test('Enterprise: what is reconciled is closed by proof, and the receipt says by which', async ({ page }) => {
  await signIn(page, 'operator@meridian.example');
  await openIncident(page, 'Payments');
  await expect(page.locator('.inc-head [data-status]')).toHaveAttribute('data-status', 'RECONCILED');
  await expect(page.locator('#properties')).toContainText('Enterprise');
  await expect(page.locator('[data-artifact="REVERT"]')).toHaveAttribute('data-artifact-state', 'SUCCESS');
  await expect(page.locator('[data-next]')).toHaveAttribute('data-next', 'close');
  await page.getByRole('button', { name: 'Close incident' }).click();
  const receipt = page.locator('[data-receipt]');
  await expect(receipt).toBeVisible();
  await expect(receipt).toContainText('found no difference');
  await receipt.getByText('The whole receipt').click();
  await expect(receipt.locator('pre')).toContainText('REVERT');
  await expect(page.locator('[data-refused]')).toHaveCount(0);
});
