import { defineConfig, devices } from '@playwright/test';

// The demo is started once for all tests (demo.ts): a fresh data folder, a free port. WORKFLOWOPS_BIN names the binary.
export default defineConfig({
  testDir: './tests',
  outputDir: './results',
  globalSetup: './demo.ts',
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  forbidOnly: !!process.env.CI,
  reporter: [['list']],
  use: {
    ...devices['Desktop Chrome'],
    viewport: { width: 1280, height: 900 },
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    },
  },
  projects: [
    { name: 'browser', testIgnore: /without-scripts/ },
    { name: 'without scripts', testMatch: /without-scripts/, use: { javaScriptEnabled: false } },
  ],
});
