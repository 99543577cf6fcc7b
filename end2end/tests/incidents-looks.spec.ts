import { expect, expectAccessible, expectNoSidewaysScroll, open, openIncident, signIn, test } from '../fixtures';

for (const scheme of ['light', 'dark'] as const) {
  for (const width of [1280, 375]) {
    test.describe(`${scheme}, ${width} wide`, () => {
      test.slow();
      test.use({ colorScheme: scheme, viewport: { width, height: 812 } });

      test('every page of incidents is accessible and fits', async ({ page }) => {
        const look = async () => {
          await expectAccessible(page);
          await expectNoSidewaysScroll(page);
        };
        await signIn(page, 'owner@northlight.example');
        await page.goto('/incidents');
        await look();
        await page.goto('/incidents?status=CLOSED');
        await look();
        await page.locator('tr[data-incident] a').first().click();
        await expect(page.locator('#receipt')).toBeVisible();
        await look();
        for (const environment of ['Bright Labs', 'Harbor Hotel']) {
          await openIncident(page, environment);
          await look();
        }
        for (const fold of await page.locator('details > summary').all()) await fold.click();
        await look();
        await openIncident(page, 'Bright Labs');
        await page.locator('a.inc-workflow').first().click();
        await expect(page.locator('#path')).toBeVisible();
        await look();
        await page.goBack();
        await page.getByRole('link', { name: 'all changes of the environment' }).click();
        await expect(page.locator('#incident')).toBeVisible();
        await look();
      });
    });
  }
}

test('number, status and next step stay in sight, and a step is reached by the keyboard alone', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await openIncident(page, 'Bright Labs');
  await page.locator('#timeline').scrollIntoViewIfNeeded();
  await page.mouse.wheel(0, 4_000);
  await expect(page.locator('.inc-head')).toBeInViewport();
  await page.locator('[data-next] a').focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('#stabilize')).toBeInViewport();
  await open(page, 'Bright Labs');
  await expect(page.locator('[data-banner]')).toHaveCount(1);
});
