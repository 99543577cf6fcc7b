import { expect, openDrift, signIn, test } from '../fixtures';

const EDIT = '[data-node="Reveal gate"] [data-path="parameters.jsCode"]';

test('a diff is read one under the other or side by side, and the address keeps which', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await openDrift(page, 'Northlight Production');
  await page.getByRole('link', { name: /^GMS Lead Enrichment/ }).click();
  const edit = page.locator(EDIT);
  await expect(edit.locator('tr.removed')).toHaveCount(1);
  await page.getByRole('link', { name: 'Side by side' }).click();
  await expect(page).toHaveURL(/\?view=split#diff$/);
  await expect(page.getByRole('link', { name: 'Side by side' })).toHaveAttribute('aria-current', 'true');
  await expect(edit.locator('td.text.removed')).toHaveText('const minScore = Number(b0.min_score || 60);');
  await expect(edit.locator('td.text.added')).toHaveText(['// HOTFIX: campaign starts at 6, see #4711', 'const minScore = 45;']);
  await page.getByRole('link', { name: 'Unified' }).click();
  await expect(edit.locator('tr.removed')).toHaveCount(1);

  // The keys go from change to change in both.
  await page.locator('#shortcuts[data-ready]').waitFor({ state: 'attached' });
  await page.keyboard.press('n');
  await expect(page.locator('.diff-node').first()).toBeFocused();
});

test('what is the same is folded, and unfolds where it is', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await openDrift(page, 'Northlight Production');
  await page.getByRole('link', { name: /^GMS Lead Enrichment/ }).click();
  const fold = page.locator(EDIT).locator('tr.gap details').first();
  const first = fold.locator('tr.same').first();
  await expect(first).toBeHidden();
  await fold.getByText(/^Show \d+ more lines? that/).click();
  await expect(first).toBeVisible();
  await expect(first.locator('.n').first()).toHaveText('1');
});

test('the path of a difference is copied', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await signIn(page, 'owner@northlight.example');
  await openDrift(page, 'Northlight Production');
  await page.getByRole('link', { name: /^GMS Lead Enrichment/ }).click();
  const copy = page.locator(EDIT).getByRole('button', { name: 'Copy path parameters.jsCode' });
  await expect(async () => {
    await copy.click();
    await expect(copy).toHaveText('Copied', { timeout: 1_000 });
  }).toPass();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('parameters.jsCode');
});
