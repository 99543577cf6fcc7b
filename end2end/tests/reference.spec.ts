import { expect, expectAccessible, expectNoSidewaysScroll, signIn, test } from '../fixtures';

for (const width of [1280, 390]) {
  test(`the API reference and the settings of incidents are accessible and fit, ${width} wide`, async ({ page }) => {
    test.slow();
    await page.setViewportSize({ width, height: 900 });
    await signIn(page, 'owner@northlight.example');
    for (const [address, heading] of [
      ['/settings/incident-settings', 'Incident settings'],
      ['/api/reference', 'API reference'],
    ]) {
      await page.goto(address);
      await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible();
      await expectNoSidewaysScroll(page);
      await expectAccessible(page);
    }
  });
}
