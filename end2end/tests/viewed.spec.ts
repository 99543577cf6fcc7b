import { expect, expectAccessible, openIncident, signIn, test } from '../fixtures';

test('what was viewed is ticked, counted, kept, and seen from the change itself', async ({ page }) => {
  await signIn(page, 'viewer@northlight.example');
  await openIncident(page, 'Northlight Production');
  const count = page.locator('[data-viewed]');
  const first = page.locator('.inc-change').first();
  await expect(count).toHaveText(/^0 of \d+ viewed$/);
  await first.getByRole('button', { name: /^Viewed:/ }).click();
  await expect(count).toHaveText(/^1 of \d+ viewed$/);
  await expect(first.getByRole('button', { name: /^Viewed:/ })).toHaveAttribute('aria-pressed', 'true');
  await expect(page).toHaveURL(/#change-[0-9a-f-]+$/);
  await expectAccessible(page);

  await first.getByRole('link').first().click();
  const here = page.getByRole('button', { name: /^Viewed:/ });
  await expect(here).toHaveAttribute('aria-pressed', 'true');
  await here.click();
  await expect(here).toHaveAttribute('aria-pressed', 'false');
  await page.getByRole('navigation', { name: 'Breadcrumb' }).getByRole('link').last().click();
  await expect(count).toHaveText(/^0 of \d+ viewed$/);
});
