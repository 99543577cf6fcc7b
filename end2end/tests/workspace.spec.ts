import { expect, openDrift, signIn, test } from '../fixtures';

test('changes say type, origin, severity and state; the filter lives in the address', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await openDrift(page, 'Bright Labs');
  const rows = page.locator('#changes tr[data-change]');
  await expect(rows).toHaveCount(3);
  await expect(page.locator('tr[data-change="Summarize Slack Conversation"]')).toContainText('Hotfix');

  await expect(async () => {
    await page.getByLabel('Origin').selectOption('COLLISION');
    await expect(page).toHaveURL(/\?origin=COLLISION$/, { timeout: 2_000 });
  }).toPass();
  await expect(rows).toHaveCount(1);
  await page.reload();
  await expect(rows).toHaveCount(1);
  await expect(page.getByLabel('Origin')).toHaveValue('COLLISION');
  await page.getByRole('link', { name: 'Origin: Collision' }).click();
  await expect(rows).toHaveCount(3);
  await page.goBack();
  await expect(rows).toHaveCount(1);

  await page.getByLabel('Workflow', { exact: true }).fill('nothing is called this');
  await page.getByRole('button', { name: 'Filter' }).click();
  await expect(page.getByText('No change matches')).toBeVisible();
});

test('a diff names exactly the edit: by node, path and line', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await openDrift(page, 'Northlight Production');
  await page.getByRole('link', { name: /^GMS Lead Enrichment/ }).click();
  await expect(page.getByText('n8n was changed since both sides last agreed')).toBeVisible();
  await expect(page.getByText('unpublished draft').first()).toBeVisible();
  const gate = page.locator('[data-node="Reveal gate"] [data-path="parameters.jsCode"]');
  await expect(gate.locator('tr.removed .text')).toHaveText('const minScore = Number(b0.min_score || 60);');
  await expect(gate.locator('tr.added .text')).toHaveText(['// HOTFIX: campaign starts at 6, see #4711', 'const minScore = 45;']);
  await expect(gate.locator('tr.added .n').nth(1)).toHaveText(/^\d+$/);
  await expect(page.locator('[data-node]')).toHaveCount(2);
  await page.getByText('Ignored in this workflow').click();
  await expect(page.locator('#ignored tr[data-rule]').first()).toBeVisible();
});

test('what was ignored is listed with the reason', async ({ page }) => {
  await signIn(page, 'viewer@northlight.example');
  await openDrift(page, 'Northlight Staging');
  await page.getByText('What was ignored, and why').click();
  const rules = page.locator('#ignored tr[data-rule]');
  await expect(rules.first()).toBeVisible();
  await expect(page.locator('#ignored')).not.toContainText('no words for');
});

test('Recheck runs a check and shows it without a reload', async ({ page }) => {
  await signIn(page, 'operator@northlight.example');
  await openDrift(page, 'Northlight Production');
  const rechecks = page.locator('#checks').getByText('Recheck', { exact: true });
  await expect(rechecks).toHaveCount(0);
  await page.getByRole('button', { name: /Recheck|Checking/ }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('A check is on its way');
  await expect(rechecks).toHaveCount(1);
  await page.getByRole('link', { name: 'All checks' }).click();
  await expect(page.getByRole('heading', { name: 'Checks of Northlight Production' })).toBeVisible();
});

test('a viewer is offered nothing that would be refused', async ({ page }) => {
  await signIn(page, 'viewer@northlight.example');
  await openDrift(page, 'Harbor Hotel');
  await expect(page.getByText('Git now holds what was in n8n.')).toBeVisible();
  await expect(page.locator('main form[method="post"]')).toHaveCount(0);
  await openDrift(page, 'Bright Labs Sandbox');
  await expect(page.getByRole('heading', { name: 'Adoption review' })).toBeVisible();
  await expect(page.locator('main form[method="post"]')).toHaveCount(0);
});

test('the plan limits what is opened, and the page says so', async ({ page }) => {
  await signIn(page, 'owner@solo.example');
  await openDrift(page, 'Studio');
  await expect(page.locator('tr[data-change] a')).toHaveCount(0);
  await expect(page.getByText('The Pro plan also shows what exactly differs')).toBeVisible();
  await expect(page.getByText('Putting it right by hand')).toBeVisible();

  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, 'owner@kettle.example');
  await openDrift(page, 'Shop');
  await expect(page.locator('#changes tr[data-change]')).toHaveCount(7);
  await expect(page.locator('#changes tr[data-change] a')).toHaveCount(5);
});

test('the adoption review is finished and ambiguous workflows are linked, on the record', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await openDrift(page, 'Bright Labs Sandbox');
  const which = page.getByRole('heading', { name: 'Which is which?' });
  await expect(which).toBeVisible();
  await page.getByRole('button', { name: 'Link them' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Linked');
  await page.getByLabel('Note (kept with the review)').fill('looked through');
  await page.getByRole('button', { name: 'Finish review' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('The review is finished');
  await expect(page.getByRole('heading', { name: 'Adoption review' })).toHaveCount(0);
  await expect(page.locator('#changes tr[data-change]').first()).toBeVisible();
});

test('a vanished change stays open until somebody says what became of it', async ({ page }) => {
  await signIn(page, 'owner@solo.example');
  await openDrift(page, 'Studio');
  const vanished = page.locator('[data-vanished="Post Message to Slack"]');
  await expect(vanished).toContainText('n8n went back to what Git declared.');
  await expect(vanished.getByLabel('What it was')).toHaveValue('REVERT');
  await vanished.getByLabel('Reason').fill('the test message was never meant to stay');
  await vanished.getByRole('button', { name: 'Record decision' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Recorded');
  await expect(vanished).toHaveCount(0);
  await page.goto(`${page.url()}?state=DECIDED`);
  await expect(page.locator('tr[data-change="Post Message to Slack"]')).toContainText('never meant to stay');
});

test('the canvas opens a node in place, and goes from difference to difference by keys', async ({ page }) => {
  await signIn(page, 'owner@northlight.example');
  await openDrift(page, 'Northlight Production');
  await page.getByRole('link', { name: /^GMS Lead Enrichment/ }).click();
  const canvas = page.locator('.graph-box');
  await expect(page.locator('[data-turns]')).toBeVisible();
  await canvas.focus();
  await page.keyboard.press('n');
  await expect(page.locator('[data-turns]')).toHaveText(/^1 of \d+$/);
  const gate = page.locator('a[data-name="Reveal gate"]');
  await gate.click();
  const chosen = page.locator('#graph-chosen');
  await expect(chosen.locator('[data-path="parameters.jsCode"] tr.added .text').last()).toHaveText('const minScore = 45;');
  await expect(page).toHaveURL(/\?node=\d+$/);
  await page.reload();
  await expect(chosen).toContainText('const minScore = 45;');
  await expect(gate).toHaveAttribute('aria-current', 'true');
});
