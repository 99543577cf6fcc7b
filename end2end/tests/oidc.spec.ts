import { join } from 'node:path';
import { expect, expectAccessible, test } from '../fixtures';
import { freeAddress, installation, started, type Running } from '../installation';

// A sign-in through a real provider (the package `oidc-provider`), in a real browser: out to another site and back.
test.describe.configure({ mode: 'serial' });
// A refusal is an answer of 403, which a browser notes as an error.
test.use({ allowed: [/status of 403/] });

let here: Running;
let stopProvider: () => Promise<void>;

test.beforeAll(async () => {
  test.setTimeout(180_000);
  const address = await freeAddress();
  const script = join(__dirname, '../servers/oidc.mjs');
  const provider = await started('node', [script, `http://${address}/sign-in/oidc/callback`], /http:\S+/);
  stopProvider = provider.stop;
  here = await installation(address, [
    '--oidc-issuer', provider.found,
    '--oidc-client-id', 'workflowops',
    '--oidc-client-secret', 'a-secret-of-tests',
    '--oidc-label', 'Example ID',
  ]);
});

test.afterAll(async () => {
  await here?.stop();
  await stopProvider?.();
});

test.beforeEach(async ({ page }) => {
  // The provider's own sign-in page asks for a font from elsewhere.
  await page.route(/fonts\.googleapis\.com/, (route) => route.fulfill({ contentType: 'text/css', body: '' }));
});

/// Fills in the provider's own form.
async function signInAtProvider(page: import('@playwright/test').Page, who: string): Promise<void> {
  await page.locator('input[name="login"]').fill(who);
  await page.locator('input[name="password"]').fill('anything');
  await page.locator('button[type="submit"]').click();
}

test('the owner sets up, signs out, and comes back through the provider', async ({ page }) => {
  await page.goto(here.url);
  await page.getByLabel('Organization').fill('Example');
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('Your e-mail address').fill('ada@example.com');
  await page.getByLabel('A password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Create and sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Environments', level: 1 })).toBeVisible();
  await page.getByRole('button', { name: /^Account of Ada/ }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();

  // A page that asks for a sign-in is the one that it leads back to.
  await page.goto(`${here.url}/settings/plan`);
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
  await expect(page).not.toHaveURL(new RegExp(`^${here.url}`));
  await signInAtProvider(page, 'ada@example.com');
  await expect(page).toHaveURL(`${here.url}/settings/plan`);
  await expect(page.getByRole('button', { name: /^Account of Ada/ })).toBeVisible();

  // The session that it made is one among the others, and ends like them.
  await page.goto(`${here.url}/account`);
  await page.getByRole('link', { name: 'Sign out everywhere' }).click();
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in to WorkflowOps' })).toBeVisible();
});

test('who is not somebody here, or has not verified the address, stays outside and is told why', async ({ page }) => {
  for (const [who, why] of [
    ['eve@example.com', 'Nobody here has the address eve@example.com'],
    ['unverified:ada@example.com', 'has not verified'],
  ]) {
    await page.context().clearCookies();
    await page.goto(`${here.url}/sign-in`);
    await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
    await signInAtProvider(page, who);
    await expect(page.getByRole('alert')).toContainText(why);
    await page.goto(here.url);
    await expect(page.getByRole('heading', { name: 'Sign in to WorkflowOps' })).toBeVisible();
  }
});

test('whoever is invited comes in through the provider, without a password', async ({ page, browser }) => {
  await page.goto(`${here.url}/sign-in`);
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.goto(`${here.url}/settings/members`);
  await page.getByLabel('E-mail').fill('zoe@example.com');
  await page.getByRole('button', { name: /invit/i }).click();
  const link = (await page.locator('code.secret-once').textContent())!.trim();

  const other = await browser.newContext();
  const zoe = await other.newPage();
  await zoe.route(/fonts\.googleapis\.com/, (route) => route.fulfill({ contentType: 'text/css', body: '' }));
  await zoe.goto(link);
  await zoe.getByRole('link', { name: /Example ID/ }).click();
  await signInAtProvider(zoe, 'zoe@example.com');
  await expect(zoe.getByRole('button', { name: /^Account of zoe/ })).toBeVisible();
  await other.close();
});
