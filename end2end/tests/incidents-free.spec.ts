import { expect, openDrift, signIn, test } from '../fixtures';

// The answer to an address that the plan does not have.
test.use({ allowed: [/status of 402/] });

test('Free: drift is seen, accepted for a time on the record, and the way up is asked for', async ({ page, browser }) => {
  await signIn(page, 'operator@solo.example');
  await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link')).toHaveText(['Environments', 'Metrics']);
  expect((await page.goto('/incidents'))?.status()).toBe(402);
  await expect(page.getByText(/needs the Pro plan/)).toBeVisible();

  await openDrift(page, 'Studio');
  await expect(page.locator('tr[data-change="Asana AI Agent"]')).toContainText('Hotfix');
  await expect(page.getByText('Putting it right by hand')).toBeVisible();
  await expect(page.getByRole('button', { name: /Recheck|Checking/ })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Create drift incident' })).toHaveCount(0);

  const accept = page.locator('[data-accept="Asana AI Agent"]');
  await accept.locator('summary').click();
  await accept.getByLabel('Reason').fill('The terse one is on trial this month');
  await accept.getByLabel(/^Days/).fill('14');
  await accept.getByRole('button', { name: 'Override' }).click();
  const overridden = page.locator('[data-overridden="Asana AI Agent"]');
  await expect(overridden).toContainText('on trial this month');
  await expect(page.locator('h1 ~ [data-badge], [data-badge]').first()).toHaveAttribute('data-badge', 'DRIFT_DETECTED');
  await overridden.getByRole('button', { name: /^End the override/ }).click();
  await expect(overridden).toHaveCount(0);

  const upgrade = page.locator('#upgrade');
  await expect(upgrade).toContainText('Managing drift is part of the Pro plan');
  await expect(upgrade).toContainText('Managing drift incidents');
  await upgrade.getByLabel('What for?').fill('Two of us, and nobody knows who does what');
  await upgrade.getByRole('button', { name: 'Ask for the Pro plan' }).click();
  await expect(page.locator('[data-said="good"]')).toBeVisible();

  const owner = await browser.newContext();
  const plan = await owner.newPage();
  await signIn(plan, 'owner@solo.example');
  await plan.goto('/settings/plan');
  await expect(plan.locator('[data-request="Nia Park"]')).toContainText('nobody knows who does what');
  await owner.close();
});
