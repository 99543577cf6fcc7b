import { readFileSync } from 'node:fs';
import { editInN8n, expect, expectAccessible, live, open, openDrift, signIn, test } from '../fixtures';

test('Pro: an incident from drift to its receipt, carried out by hand and verified by a check', async ({ page }) => {
  test.slow();
  await signIn(page, 'operator@rivermill.example');
  await openDrift(page, 'Mill');
  await page.getByLabel('Reason (optional)').fill('A client asked why every message is urgent');
  await page.getByRole('button', { name: 'Create drift incident' }).click();
  await expect(page).toHaveURL(/\/incidents\//);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Mill');
  await expect(page.locator('.inc-head [data-badge]')).toHaveAttribute('data-badge', 'INCIDENT_ACTIVE');
  await expect(page.getByRole('list', { name: 'Lifecycle' }).getByRole('listitem')).toHaveCount(4);
  await expect(page.getByText('Stabilized')).toHaveCount(0);
  await expect(page.locator('[data-refused="CLOSE"]')).toBeVisible();
  const incident = page.url();

  await page.locator('#acknowledge').getByLabel('Reason').fill('Looking into it');
  await page.getByRole('button', { name: 'Acknowledge', exact: true }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Acknowledged');
  await expect(page.locator('[data-owner]')).toHaveText('Sam Porter');

  const change = page.locator('[data-change="Post Message to Slack"]');
  await change.getByRole('link', { name: 'Post Message to Slack' }).click();
  await expect(page.locator('[data-node="Slack"]')).toContainText('URGENT');
  await expectAccessible(page);
  await page.goto(incident);
  await change.getByText('Choose a path').click();
  await change.getByRole('radio', { name: /Revert to Git/ }).check();
  await change.getByLabel('Reason').fill('It was for one night');
  await change.getByRole('button', { name: 'Record path' }).click();
  await expect(change.locator('[data-artifact="REVERT"]')).toHaveAttribute('data-artifact-state', 'PENDING');
  await expect(change).toContainText('By hand');
  await expect(page.locator('[data-refused="RECONCILE"]')).toBeVisible();

  await live(page);
  await editInN8n('n8n of Mill', 'Post Message to Slack', (workflow) => {
    workflow.nodes.find((node: any) => node.name === 'Slack').parameters.text = '={{ $json.body.message }}';
  });
  await page.getByRole('button', { name: 'Recheck' }).click();
  await expect(change.locator('[data-artifact="REVERT"]')).toHaveAttribute('data-artifact-state', 'SUCCESS');
  await page.getByRole('button', { name: 'Mark as reconciled' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Reconciled');
  await page.getByRole('button', { name: 'Close incident' }).click();
  await expect(page.locator('[data-receipt]')).toBeVisible();
  await expect(page.locator('.inc-head [data-status]')).toHaveAttribute('data-status', 'CLOSED');
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download JSON' }).click();
  const file = await downloading;
  expect(file.suggestedFilename()).toMatch(/^receipt-INC-\d+\.json$/);
  const receipt = JSON.parse(readFileSync(await file.path(), 'utf8'));
  expect(await page.locator('[data-receipt]').getAttribute('data-receipt')).toBe(receipt.digest);
  expect(receipt.signature).toMatch(/^[0-9a-f]{128}$/);
  await expect(page.getByRole('button', { name: 'Close incident' })).toHaveCount(0);

  await open(page, 'Mill');
  await expect(page.locator('[data-banner]')).toHaveAttribute('data-banner', 'IN_SYNC');
});

test('Pro: one environment with an open incident at once, and the answer names what would do', async ({ page }) => {
  await signIn(page, 'owner@kettle.example');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Incidents' }).click();
  await expect(page.locator('tr[data-incident]')).toHaveCount(1);
  await page.locator('tr[data-incident] a').click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Shop');
  await expect(page.getByText('opens the 5 changes that matter most')).toBeVisible();
  await expect(page.locator('.inc-change a.inc-workflow')).toHaveCount(5);
  await expect(page.locator('#properties')).toContainText('needs the Agency plan');
});
