import { expect, expectAccessible, expectNoSidewaysScroll, open, openDrift, signIn, test } from '../fixtures';

test.use({ allowed: [/status of 404/] });

for (const scheme of ['light', 'dark'] as const) {
  for (const width of [1280, 375]) {
    test.describe(`${scheme}, ${width} wide`, () => {
      // Nine pages, each looked at by axe.
      test.slow();
      test.use({ colorScheme: scheme, viewport: { width, height: 812 } });

      test('every kind of page is accessible and fits', async ({ page }) => {
        const look = async () => {
          await expectAccessible(page);
          await expectNoSidewaysScroll(page);
        };
        await page.goto('/sign-in');
        await look();
        await signIn(page, 'owner@northlight.example');
        await look();
        for (const environment of ['Northlight Production', 'Harbor Hotel Staging']) {
          await open(page, environment);
          await look();
        }
        await openDrift(page, 'Harbor Hotel');
        await look();
        await page.getByText('What was ignored, and why').click();
        await look();
        await page.locator('#changes tr[data-change] a').first().click();
        await expect(page.locator('#diff')).toBeVisible();
        await look();
        await page.goto('/environments/new');
        await look();
        await page.goto('/nowhere');
        await expect(page.getByRole('heading', { name: 'Not found' })).toBeVisible();
        await look();
      });
    });
  }
}

test('the theme is chosen, kept, and drawn by the server', async ({ page }) => {
  await signIn(page, 'owner@kettle.example');
  const canvas = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await canvas();
  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('button', { name: 'Dark theme' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  expect(await canvas()).not.toBe(light);
  const drawn = await page.request.get('/');
  expect(await drawn.text()).toContain('data-theme="dark"');
});

test('the keyboard reaches the content first and everything after it', async ({ page }) => {
  await signIn(page, 'owner@kettle.example');
  await page.goto('/');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Connect environment' })).toBeFocused();
});
