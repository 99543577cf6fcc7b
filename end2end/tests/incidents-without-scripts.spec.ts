import { expect, openIncident, signIn, test } from '../fixtures';

test('an incident is taken on, discussed and decided without a script', async ({ page }) => {
  await signIn(page, 'operator@northlight.example');
  await openIncident(page, 'Northlight Production');
  await page.locator('#acknowledge').getByLabel('Reason').fill('The budget ran out at night');
  await page.locator('#acknowledge').getByLabel('Owner').selectOption({ label: 'Mara Lindqvist' });
  await page.locator('#acknowledge').getByRole('button', { name: 'Acknowledge' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Acknowledged');
  await expect(page.locator('[data-owner]')).toHaveText('Mara Lindqvist');
  await page.locator('#stabilize').getByLabel('Note').fill('Leads come in again');
  await page.getByRole('button', { name: 'Mark as stabilized' }).click();
  await expect(page.locator('[aria-current="step"]')).toContainText('Stabilized');

  const change = page.locator('[data-change^="Outbound"], [data-change*="Sender"]').first();
  await change.locator('summary', { hasText: 'Choose a path' }).click();
  await change.getByRole('radio', { name: /Replace/ }).check();
  await change.getByLabel('Reason').fill('Ana has a better one');
  await change.getByRole('button', { name: 'Record path' }).click();
  await expect(page.getByRole('alert')).toContainText('what replaces');
  await expect(change.getByLabel('Reason')).toHaveValue('Ana has a better one');
  await expect(change.getByRole('radio', { name: /Replace/ })).toBeChecked();
  await change.getByLabel('What replaces it').fill('3f9c2d71');
  await change.getByRole('button', { name: 'Record path' }).click();
  await expect(change.locator('[data-artifact="REPLACE"]')).toHaveAttribute('data-artifact-state', 'PENDING');

  await page.getByLabel('Comment', { exact: true }).fill('Without a script, too');
  await page.getByRole('button', { name: 'Comment', exact: true }).click();
  await expect(page.locator('.timeline')).toContainText('Without a script, too');
});

test('a click that comes too late says what happened meanwhile, and keeps what was typed', async ({ page, context }) => {
  await signIn(page, 'owner@kettle.example');
  await openIncident(page, 'Shop');
  const late = await context.newPage();
  await late.goto(page.url());
  await page.getByLabel('Comment', { exact: true }).fill('Moving on with the credential');
  await page.getByRole('button', { name: 'Comment', exact: true }).click();
  await expect(page.locator('.timeline')).toContainText('Moving on with the credential');
  const all = late.locator('[data-form="decide-all"]');
  await late.locator('summary', { hasText: 'One path for all' }).click();
  await all.getByRole('radio', { name: /Promote to Git/ }).check();
  await all.getByLabel('Reason').fill('All of it was right');
  await all.getByRole('button', { name: 'Record path' }).click();
  await expect(late.getByRole('alert')).toContainText('Meanwhile');
  await expect(late.locator('[data-form="decide-all"]').getByLabel('Reason')).toHaveValue('All of it was right');
});
