import { expect, expectAccessible, expectNoSidewaysScroll, open, signIn, test } from '../fixtures';

test('An admin names the environment at GitHub, and the gate is reported there', async ({ page }) => {
  test.slow();
  await signIn(page, 'owner@northlight.example');
  await open(page, 'Northlight Staging');
  const deployments = `${page.url()}/drift/deployments`;
  await page.goto(deployments);
  const gate = page.locator('#github-gate');
  await gate.getByLabel('Environment at GitHub').fill('x'.repeat(256));
  await gate.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('#github-environment-error')).toContainText('no name of an environment');
  await gate.getByLabel('Environment at GitHub').fill('staging');
  await gate.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('GitHub is answered');
  await expect(async () => {
    await page.goto(deployments);
    await expect(gate.locator('[data-gate-status]')).toContainText('workflowops/staging', { timeout: 500 });
  }).toPass({ timeout: 60_000 });
  await expect(gate.locator('[data-gate-status]')).toContainText('Standard deployments are allowed.');
  await expectAccessible(page);
  await page.setViewportSize({ width: 375, height: 812 });
  await expectNoSidewaysScroll(page);
  await gate.getByLabel('Environment at GitHub').fill('');
  await gate.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Nobody is answered');
});
