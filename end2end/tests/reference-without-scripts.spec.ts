import { expect, signIn, test } from '../fixtures';

test('the API reference is read without an account and without scripts', async ({ page }) => {
  await page.goto('/api/reference');
  await expect(page.getByRole('heading', { name: 'API reference', level: 1 })).toBeVisible();
  await page.getByRole('link', { name: 'Open an incident over the open changes of an environment' }).click();
  const operation = page.getByRole('region', { name: 'POST /environments/{environment}/incidents' });
  await expect(operation).toBeInViewport();
  await expect(operation).toContainText('Idempotency-Key');
  await operation.getByRole('link', { name: 'NewIncident' }).click();
  await expect(page.getByRole('region', { name: 'NewIncident', exact: true })).toBeInViewport();
});

test('whoever makes a token finds the way to it', async ({ page }) => {
  await signIn(page, 'owner@solo.example');
  await page.goto('/account');
  await page.getByRole('region', { name: 'API tokens' }).getByRole('link', { name: 'API reference' }).click();
  await expect(page).toHaveURL(/\/api\/reference$/);
});

test('an administrator sets how tickets look, and what somebody else has set meanwhile is not written over', async ({ page }) => {
  await signIn(page, 'owner@kettle.example');
  const other = await page.context().newPage();
  for (const open of [page, other]) await open.goto('/settings/incident-settings');
  for (const [open, pattern] of [[page, 'OPS-{n}'], [other, 'TEA-{n}']] as const) {
    await open.getByLabel("How a ticket's key looks").fill(pattern);
    await open.getByLabel('Where such a key leads').fill(`https://tracker.example.com/browse/${pattern}`);
    await open.getByRole('button', { name: 'Save' }).click();
  }
  await expect(other.getByRole('alert')).toContainText('changed the settings of incidents');
  await expect(other.getByLabel("How a ticket's key looks")).toHaveValue('OPS-{n}');
});
