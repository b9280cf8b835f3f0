'use strict';
// The shop that tests/integration/test_vendure.py talks to over HTTP: Vendure on PostgreSQL, loopback only.
// Vendure is GPL-3.0: it is installed from its own packages and runs as a program of its own; nothing of Packshot includes it.
// Environment: PORT, PGHOST, PGPORT, PGUSER, PGDATABASE, ASSETS (folder), HOOK_URL, HOOK_SECRET; POPULATE=1 fills an empty database.
require('reflect-metadata');
const path = require('node:path');
const core = require('@vendure/core');
const { AssetServerPlugin } = require('@vendure/asset-server-plugin');
const { populate } = require('@vendure/core/cli');
const { ProductWebhooks } = require('./webhooks.js');

const { PORT, PGHOST, PGPORT, PGUSER, PGDATABASE, ASSETS, HOOK_URL, HOOK_SECRET, POPULATE } = process.env;
const samples = path.join(path.dirname(require.resolve('@vendure/create/package.json')), 'assets');

const config = {
  apiOptions: { hostname: '127.0.0.1', port: Number(PORT), adminApiPath: 'admin-api', shopApiPath: 'shop-api', cors: false },
  authOptions: {
    tokenMethod: ['bearer', 'api-key'],
    superadminCredentials: { identifier: 'keeper', password: 'keeper-password' },
    requireVerification: false,
  },
  dbConnectionOptions: { type: 'postgres', host: PGHOST, port: Number(PGPORT), username: PGUSER, database: PGDATABASE, synchronize: true },
  customFields: {
    Asset: [{ name: 'alt', type: 'string', public: true, nullable: true, length: 512 }],
    Product: [{ name: 'material', type: 'string', nullable: true }],
    ProductVariant: [{ name: 'width', type: 'float', nullable: true }],
  },
  importExportOptions: { importAssetsDir: path.join(samples, 'images') },
  paymentOptions: { paymentMethodHandlers: [core.dummyPaymentHandler] },
  systemOptions: { disableTelemetry: true },
  plugins: [
    AssetServerPlugin.init({ route: 'assets', assetUploadDir: ASSETS, assetUrlPrefix: `http://127.0.0.1:${PORT}/assets/` }),
    core.DefaultJobQueuePlugin.init({ pollInterval: 50, backoffStrategy: () => 200 }),
    core.DefaultSearchPlugin.init({ bufferUpdates: false }),
    ProductWebhooks.init({ url: HOOK_URL, secret: HOOK_SECRET }),
  ],
  logger: new core.DefaultLogger({ level: core.LogLevel.Warn, timestamp: false }),
};

async function main() {
  const data = [path.join(samples, 'initial-data.json'), path.join(samples, 'products.csv')];
  const app = POPULATE
    ? await populate(() => core.bootstrap(config), require(data[0]), data[1])
    : await core.bootstrap(config);
  await app.get(core.JobQueueService).start();
  console.log('ready');
  if (POPULATE) await app.close();
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
