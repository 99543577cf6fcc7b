import type { Page } from '@playwright/test';
import { expect, expectAccessible, openDrift, openIncident, signIn, test } from '../fixtures';

/// Keys are heard once the page's scripts are there.
const ready = (page: Page) => expect(page.locator('#shortcuts')).toHaveAttribute('data-ready', '');

test('keys lead about, go through rows and differences, keep out of fields, and can be turned off', async ({ page }) => {
  test.slow();
  await signIn(page, 'owner@northlight.example');
  await ready(page);
  await page.keyboard.press('?');
  const list = page.locator('#shortcuts');
  await expect(list).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(list).toBeHidden();

  await page.keyboard.press('g');
  await page.keyboard.press('i');
  await expect(page.getByRole('heading', { name: 'Incidents', level: 1 })).toBeVisible();
  await ready(page);
  const rows = page.locator('main .row-link');
  await page.keyboard.press('j');
  await expect(rows.nth(0)).toBeFocused();
  await page.keyboard.press('j');
  await expect(rows.nth(1)).toBeFocused();
  await page.keyboard.press('k');
  await expect(rows.nth(0)).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/incidents\/[0-9a-f-]+$/);

  await openDrift(page, 'Northlight Production');
  await ready(page);
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.type('gi?');
  await expect(page.getByRole('searchbox')).toHaveValue('gi?');
  await page.reload();
  await page.locator('#changes tr[data-change] a').first().click();
  await expect(page.locator('#diff')).toBeVisible();
  await ready(page);
  await page.keyboard.press('n');
  await expect(page.locator('.diff-node, .diff-entry').first()).toBeFocused();

  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
  await page.getByRole('button', { name: 'Turn them off' }).click();
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await expect(page.locator('#diff')).toBeVisible();
  await page.keyboard.press('?');
  await expect(list).toBeHidden();
});

test('a key leads to the reason for acknowledging, and another checks again', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await openIncident(page, 'Harbor Hotel');
  await ready(page);
  const reason = page.locator('#acknowledge [name=reason]');
  if (await reason.count()) {
    await page.keyboard.press('a');
    await expect(reason).toBeFocused();
    await reason.blur();
  }
  await page.keyboard.press('r');
  await expect(page.locator('[data-said]')).toBeVisible();
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });
  test('the list can be read', async ({ page }) => {
    await signIn(page, 'owner@kettle.example');
    await page.getByRole('button', { name: /^Account of/ }).click();
    await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
    await expect(page.locator('#shortcuts')).toContainText('To the incidents');
  });
});
