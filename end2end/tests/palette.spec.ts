import type { Page } from '@playwright/test';
import { expect, expectAccessible, openIncident, signIn, test } from '../fixtures';

const palette = (page: Page) => page.locator('#palette');
const field = (page: Page) => palette(page).getByRole('combobox');
const chosen = (page: Page) => palette(page).locator('[aria-selected="true"]');

async function opened(page: Page): Promise<void> {
  await expect(palette(page)).toHaveAttribute('data-ready', '');
  await page.keyboard.press('Control+k');
  await expect(field(page)).toBeFocused();
}

test('the palette finds environments, incidents and pages, with the keyboard alone', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await opened(page);
  await expect(palette(page).getByRole('option').first()).toBeVisible();
  await expectAccessible(page);

  await page.keyboard.type('prod north');
  await expect(palette(page).getByRole('status')).toHaveText(/results?$/);
  await expect(chosen(page)).toContainText('Northlight Production');
  const at = await chosen(page).getAttribute('id');
  await expect(field(page)).toHaveAttribute('aria-activedescendant', at!);
  await page.keyboard.press('ArrowDown');
  await expect(chosen(page)).toContainText(/INC-\d+ · Northlight Production/);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Northlight Production', level: 1 })).toBeVisible();

  await opened(page);
  await page.keyboard.type('who did what');
  await expect(chosen(page)).toHaveText(/Audit log/);
  await expect(field(page)).toHaveAttribute('aria-activedescendant', (await chosen(page).getAttribute('id'))!);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/audit$/);
});

test('the focus stays in the palette, goes back where it was, and nothing found is said', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await expect(palette(page)).toHaveAttribute('data-ready', '');
  const button = page.getByRole('link', { name: 'Search' });
  await button.focus();
  await page.keyboard.press('Enter');
  await expect(field(page)).toBeFocused();
  for (const there of ['Close', 'field', 'Close']) {
    await page.keyboard.press('Tab');
    await expect(there === 'Close' ? palette(page).getByRole('button', { name: 'Close' }) : field(page)).toBeFocused();
  }
  await field(page).fill('zzz <b>nothing</b>');
  await expect(palette(page).getByRole('status')).toHaveText('Nothing is called that.');
  await expect(field(page)).toHaveAttribute('aria-expanded', 'false');
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(palette(page)).toBeHidden();
  await expect(button).toBeFocused();
});

test("this page's actions lead to their forms and submit none", async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await openIncident(page, 'Harbor Hotel');
  const posts: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') posts.push(request.url());
  });
  await opened(page);
  await page.keyboard.type('comment');
  await expect(chosen(page)).toHaveText(/^Comment\s*On this page$/);
  await page.keyboard.press('Enter');
  await expect(palette(page)).toBeHidden();
  await expect(page.getByLabel('Comment', { exact: true })).toBeFocused();
  await opened(page);
  await page.keyboard.type('recheck');
  await expect(chosen(page)).toHaveText(/Recheck\s*On this page/);
  await page.keyboard.press('Enter');
  await expect(page.locator('[data-recheck]').first()).toBeFocused();
  expect(posts).toEqual([]);
});

test('everybody finds what they may open, and nothing of another organization', async ({ page, browser }) => {
  await signIn(page, 'viewer@northlight.example');
  await opened(page);
  await page.keyboard.type('connect an environment');
  await expect(palette(page).getByRole('status')).toHaveText('Nothing is called that.');
  await field(page).fill('harbor hotel');
  await expect(chosen(page)).toContainText('Harbor Hotel');

  const other = await browser.newContext();
  const theirs = await other.newPage();
  await signIn(theirs, 'owner@meridian.example');
  await opened(theirs);
  await theirs.keyboard.type('connect an environment');
  await expect(chosen(theirs)).toContainText('Connect an environment');
  await field(theirs).fill('harbor hotel');
  await expect(palette(theirs).getByRole('status')).toHaveText('Nothing is called that.');
  await other.close();
});
