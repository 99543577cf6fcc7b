import { expect, open, PASSWORD, signIn, test } from '../fixtures';

// Answers that these tests ask for; a browser notes them as errors.
test.use({ allowed: [/status of 4(22|04)/] });

test('a wrong password is told without losing the e-mail address, the right one leads on', async ({ page }) => {
  await page.goto('/environments/new');
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await page.getByLabel('E-mail').fill('owner@solo.example');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText('wrong');
  await expect(page.getByLabel('E-mail')).toHaveValue('owner@solo.example');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Connect an environment' })).toBeVisible();
});
test('who signs out is out', async ({ page }) => {
  await signIn(page, 'owner@kettle.example');
  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in to WorkflowOps' })).toBeVisible();
  await page.goto('/');
  await expect(page).toHaveURL(/\/sign-in$/);
});

test('a member of two organizations looks at one at a time', async ({ page }) => {
  await signIn(page, 'auditor@northlight.example');
  await page.getByRole('button', { name: /^Organization:/ }).click();
  await page.getByRole('button', { name: /^Northlight Automation/ }).click();
  await expect(page.getByRole('link', { name: 'Harbor Hotel', exact: true })).toBeVisible();
  await open(page, 'Harbor Hotel');
  const theirs = page.url();
  await page.getByRole('button', { name: /^Organization:/ }).click();
  await page.getByRole('button', { name: /^Meridian Bank/ }).click();
  await expect(page.getByRole('link', { name: 'Operations', exact: true })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Harbor Hotel' })).toHaveCount(0);
  expect((await page.goto(theirs))?.status()).toBe(404);
});
