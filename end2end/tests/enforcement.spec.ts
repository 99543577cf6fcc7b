import { editInN8n, expect, openIncident, signIn, test } from '../fixtures';
import type { Page } from '@playwright/test';

const HOTFIXED = 'Post Message to Slack';

/// Somebody edits the workflow in n8n again.
const again = (text: string) =>
  editInN8n('n8n of Cards', HOTFIXED, (workflow) => {
    workflow.nodes.find((node: any) => node.name === 'Slack').parameters.text = text;
  });

/// Plans a deployment on the page of deployments; leads to what it would write.
async function plan(page: Page, address: string, kind: 'Standard' | 'Recovery' | 'Emergency', reason = ''): Promise<void> {
  await page.goto(address);
  await page.getByRole('radio', { name: kind }).check();
  await page.getByRole('textbox', { name: 'Reason' }).fill(reason);
  await page.getByRole('button', { name: 'See what it would write' }).click();
}

/// Deploys what is shown, and waits for the end.
async function deploy(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await expect(page.locator('[data-reconciliation]')).toHaveAttribute('data-reconciliation', 'DONE', { timeout: 30_000 });
}

test('An expired incident blocks a deployment and says what helps; a recovery, an emergency and an extension get past it', async ({ page }) => {
  test.slow();
  await signIn(page, 'owner@meridian.example');
  await openIncident(page, 'Cards');
  const incident = page.url();
  await expect(page.locator('[data-expired]')).toContainText('time is over since');
  await expect(page.locator('.timeline')).toContainText("The incident's time is over, and its severity rose to");
  await page.getByRole('link', { name: 'Deployments' }).click();
  const deployments = page.url();
  await expect(page.locator('[data-blocked]')).toContainText('has been expired since');
  await expect(page.locator('[data-deployment="STANDARD"]')).toContainText('1 workflow of main at');

  await plan(page, deployments, 'Standard');
  await expect(page.locator('[data-forecast]')).toContainText(`This overwrites one hotfix: “${HOTFIXED}”, node Slack`);
  await expect(page.locator('[data-blocked]')).toContainText('blocks standard deployments');
  await expect(page.locator('[data-blocked]')).toContainText('An operator, or a higher role, extends INC-');
  await expect(page.getByRole('button', { name: 'Deploy', exact: true })).toHaveCount(0);

  await plan(page, deployments, 'Recovery');
  await expect(page.locator('#deploy-reason-error')).toContainText('Say why');
  await plan(page, deployments, 'Recovery', 'Customers get urgent notices');
  await deploy(page);

  await again('=Emergency: {{ $json.body.message }}');
  await plan(page, deployments, 'Emergency', 'It cannot wait for the cards team');
  await deploy(page);
  await page.goto(incident);
  await expect(page.locator('.timeline')).toContainText('began an emergency deployment of main');
  await expect(page.locator('.timeline')).toContainText('The expired incident would have blocked a standard one.');

  await page.locator('[data-time] summary', { hasText: 'Extend' }).click();
  await page.locator('[data-time]').getByLabel('Hours').fill('2');
  await page.locator('[data-time]').getByLabel('Reason').fill('The cards team answers this afternoon');
  await page.locator('[data-time]').getByRole('button', { name: 'Extend' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('has more time');
  await expect(page.locator('[data-expired]')).toHaveCount(0);

  await again('=Once more: {{ $json.body.message }}');
  await plan(page, deployments, 'Standard');
  await expect(page.locator('[data-blocked]')).toHaveCount(0);
  await deploy(page);
  await page.goto(deployments);
  await expect(page.locator('tr[data-deployment]')).toHaveCount(4);
});
