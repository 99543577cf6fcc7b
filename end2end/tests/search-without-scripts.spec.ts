import { expect, openIncident, signIn, test } from '../fixtures';

test('without scripts the button leads to a page with the same results', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await page.getByRole('link', { name: 'Search' }).click();
  await expect(page.getByRole('heading', { name: 'Search', level: 1 })).toBeVisible();
  await page.getByRole('searchbox').fill('north prod');
  await page.getByRole('button', { name: 'Search' }).click();
  await expect(page).toHaveURL(/\/search\?q=north\+prod$/);
  const found = page.locator('#found');
  await expect(found.getByRole('link', { name: 'Northlight Production', exact: true })).toBeVisible();
  await expect(found.getByRole('link', { name: /^INC-\d+ · Northlight Production$/ })).toBeVisible();
  await page.getByRole('searchbox').fill('no such thing');
  await page.keyboard.press('Enter');
  await expect(found.getByRole('status')).toContainText('Nothing is called that.');
});

test('without scripts a change is ticked as viewed', async ({ page }) => {
  await signIn(page, 'operator@northlight.example');
  await openIncident(page, 'Northlight Production');
  const tick = page.locator('.inc-change').first().getByRole('button', { name: /^Viewed:/ });
  await tick.click();
  await expect(tick).toHaveAttribute('aria-pressed', 'true');
  await expect(page.locator('[data-viewed]')).toHaveText(/^1 of \d+ viewed$/);
});
