import { expect, expectAccessible, expectNoSidewaysScroll, signIn, test } from '../fixtures';

test.use({ allowed: [/status of 422/] });

/// The sum of a column of the table behind a figure.
async function sum(page: import('@playwright/test').Page, figure: string, column: string): Promise<number> {
  const section = page.locator(`[data-figure="${figure}"]`);
  const summary = section.getByText('The figures as a table');
  if (!(await section.locator('details').getAttribute('open').then((open) => open !== null))) await summary.click();
  const cells = await section.locator(`details td[data-label="${column}"]`).allTextContents();
  expect(cells.length).toBeGreaterThan(0);
  return cells.map(Number).reduce((a, b) => a + b, 0);
}

test('The figures tell of the incidents that the list has, follow the address, and come as files', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await page.goto('/incidents?status=ALL');
  const listed = await page.locator('tr[data-incident]').count();
  const closed = await page.locator('tr[data-incident]', { hasText: 'Closed' }).count();
  expect(listed).toBeGreaterThan(1);

  await page.getByRole('link', { name: 'Metrics' }).click();
  await page.getByRole('link', { name: 'A year' }).click();
  await expect(page.getByRole('link', { name: 'A year' })).toHaveAttribute('aria-current', 'true');
  expect(page.url()).toContain('from=');
  const tile = page.locator('.metric-tile', { hasText: 'Active incidents now' });
  await expect(tile).toContainText(String(listed - closed));
  expect(await sum(page, 'repeats', 'Opened')).toBe(listed);
  const drawn = page.locator('[data-figure="repeats"] svg rect:not(.reach)');
  expect(await drawn.count()).toBeGreaterThan(0);

  const file = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Drift, as CSV' }).click();
  const name = (await file).suggestedFilename();
  expect(name).toMatch(/^drift-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
  const href = await page.getByRole('link', { name: 'Open incidents, as CSV' }).getAttribute('href');
  const csv = await (await page.request.get(href!)).text();
  expect(csv.split('\r\n')[0]).toBe('By,Of,Active,Expired');
  expect(csv).toContain('Environment,');

  await page.goto('/metrics?from=2026-13-01');
  await expect(page.getByText('This is not a day. Write it as 2026-11-28.')).toBeVisible();
});

test('Free is told what it has and what a plan would add', async ({ page }) => {
  await signIn(page, 'operator@solo.example');
  await page.goto('/metrics');
  await expect(page.getByText('come with the Pro plan')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Override debt' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Deadlines' })).toHaveCount(0);
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });
  test('another range is a form away', async ({ page }) => {
    await signIn(page, 'owner@northlight.example');
    await page.goto('/metrics');
    await page.getByLabel('From', { exact: true }).fill('2026-01-01');
    await page.getByRole('button', { name: 'Show' }).click();
    expect(page.url()).toContain('from=2026-01-01');
    await page.locator('[data-figure="drift"]').getByText('The figures as a table').click();
    await expect(page.locator('[data-figure="drift"] table').first()).toBeVisible();
  });
});

for (const scheme of ['light', 'dark'] as const) {
  for (const width of [1280, 375]) {
    test.describe(`${scheme}, ${width} wide`, () => {
      test.use({ colorScheme: scheme, viewport: { width, height: 812 } });
      test('the figures are accessible and fit', async ({ page }) => {
        await signIn(page, 'owner@northlight.example');
        await page.goto('/metrics');
        for (const fold of await page.locator('.behind > summary').all()) await fold.click();
        await expectAccessible(page);
        await expectNoSidewaysScroll(page);
      });
    });
  }
}
