import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, signIn, test } from '../fixtures';

// A channel is a matter of forms: none of it needs a script.
test.use({ javaScriptEnabled: false });

type Heard = { headers: IncomingHttpHeaders; body: string };

/// A receiver on this machine that takes everything and keeps it.
async function receiver(): Promise<{ url: string; heard: Heard[]; server: Server }> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      heard.push({ headers: request.headers, body });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook/topsecret`, heard, server };
}

test('a channel is added, tested, seen in the log and sent to again, without a script', async ({ page }) => {
  const { url, heard, server } = await receiver();
  try {
    await signIn(page, 'owner@meridian.example');
    await page.goto('/settings/notifications');
    await page.getByLabel('Kind').selectOption('WEBHOOK');
    await page.getByLabel('Name').fill('Night shift');
    await page.getByLabel('Address').fill('http://169.254.169.254/latest');
    await page.getByRole('button', { name: 'Add channel' }).click();
    await expect(page.getByLabel('Address')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('Name')).toHaveValue('Night shift');

    await page.getByLabel('Address').fill(url);
    await page.getByRole('button', { name: 'Add channel' }).click();
    const secret = (await page.locator('#signing-secret').textContent()) ?? '';
    expect(secret).toMatch(/^whsec_/);
    await page.getByRole('link', { name: 'Done' }).click();
    const row = page.locator('tr[data-channel="Night shift"]');
    await expect(row).toContainText('127.0.0.1');
    expect(await page.content()).not.toContain('topsecret');
    expect(await page.content()).not.toContain(secret);

    await row.getByRole('button', { name: 'Send a test to Night shift' }).click();
    await expect(page.getByRole('heading', { name: 'Delivery log', level: 1 })).toBeVisible();
    const delivery = page.locator('tr[data-delivery]').first();
    await expect(async () => {
      await page.reload();
      await expect(delivery).toHaveAttribute('data-state', 'DELIVERED', { timeout: 500 });
    }).toPass({ timeout: 30_000 });
    const first = heard[0];
    const signed = `${first.headers['webhook-id']}.${first.headers['webhook-timestamp']}.${first.body}`;
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const signature = createHmac('sha256', key).update(signed).digest('base64');
    expect(first.headers['webhook-signature']).toBe(`v1,${signature}`);
    expect(JSON.parse(first.body).type).toBe('test');

    await delivery.getByRole('button', { name: /Send .* again/ }).click();
    await expect(page.locator('[data-said="good"]')).toContainText('sent again');
    await expect(() => expect(heard.length).toBe(2)).toPass({ timeout: 30_000 });
    expect(heard[1].headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(heard[1].body).toBe(first.body);
    expect(await page.content()).not.toContain('topsecret');
  } finally {
    server.close();
  }
});

test('what one is mailed is kept, and a viewer sees no channels', async ({ page }) => {
  await signIn(page, 'auditor@northlight.example');
  await page.goto('/settings/notifications');
  await expect(page.getByRole('heading', { name: 'Channels of the organization' })).toHaveCount(0);
  const box = page.getByLabel('Incident expired');
  await expect(box).not.toBeChecked();
  await box.check();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('[data-said="good"]')).toContainText('Saved');
  await expect(box).toBeChecked();
});
