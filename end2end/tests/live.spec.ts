import { editInN8n, expect, live, open, openDrift, signIn, test } from '../fixtures';

test.use({ allowed: [/ERR_INTERNET_DISCONNECTED/] });

test('an edit in n8n reaches an open page by itself, and leaves a person\'s hands alone', async ({ page, context }) => {
  await signIn(page, 'owner@kettle.example');
  await open(page, 'Shop Staging');
  await live(page);
  await expect(page.locator('[data-banner]')).toHaveAttribute('data-banner', 'IN_SYNC');

  const workspace = await context.newPage();
  await openDrift(workspace, 'Shop Staging');
  await live(workspace);
  await workspace.getByLabel('Workflow', { exact: true }).fill('half typed');
  await workspace.getByText('What was ignored, and why').click();
  await workspace.getByRole('link', { name: 'All checks' }).focus();

  await editInN8n('n8n of Shop Staging', 'Summarize Slack Conversation', (workflow) => {
    workflow.settings = { ...workflow.settings, executionTimeout: 77 };
  });
  const recheck = await context.newPage();
  await openDrift(recheck, 'Shop Staging');
  await recheck.getByRole('button', { name: /Recheck|Checking/ }).click();
  await recheck.close();

  await workspace.bringToFront();
  await expect(workspace.locator('tr[data-change="Summarize Slack Conversation"]')).toBeVisible();
  await expect(workspace.getByLabel('Workflow', { exact: true })).toHaveValue('half typed');
  await expect(workspace.locator('#ignored')).toHaveAttribute('open', '');
  await expect(workspace.getByRole('link', { name: 'All checks' })).toBeFocused();
  await expect(page.locator('[data-banner]')).toHaveAttribute('data-banner', 'DRIFT_DETECTED');
});

test('a page that lost its stream says so and catches up', async ({ page, context }) => {
  await signIn(page, 'owner@meridian.example');
  await live(page);
  await context.setOffline(true);
  // The browser keeps an open stream over a lost network; looking away and back makes it open one again.
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
    document.dispatchEvent(new Event('visibilitychange'));
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => false });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await expect(page.locator('.live-dot')).toHaveAttribute('data-state', 'lost');
  await expect(page.locator('.live-dot')).toContainText('Reconnecting');
  await context.setOffline(false);
  await live(page);
});
