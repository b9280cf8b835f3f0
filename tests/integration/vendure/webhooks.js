'use strict';
// Vendure plugin: tells Packshot which products have changed, signed as Standard Webhooks 1.0 (https://www.standardwebhooks.com).
// In vendure-config: plugins: [..., ProductWebhooks.init({ url: 'https://…/hooks/vendure/<connection>', secret: 'whsec_…' })]
// Messages go through the shop's job queue, so they survive a restart and are sent again until they are answered with 2xx.
const { createHmac, randomUUID } = require('node:crypto');
const core = require('@vendure/core');

const RETRIES = 20;
const PATIENCE_MS = 15_000;

async function deliver({ url, secret, id, body }) {
  const time = Math.floor(Date.now() / 1000);
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64');
  const answer = await fetch(url, {
    method: 'POST',
    redirect: 'error',
    signal: AbortSignal.timeout(PATIENCE_MS),
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(time),
      'webhook-signature': `v1,${signature}`,
    },
    body,
  });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`the receiver of webhooks answered ${answer.status}`);
}

class ProductWebhooks {
  constructor(bus, queues, connection, config) {
    this.bus = bus;
    this.queues = queues;
    this.connection = connection;
    this.publicId = id => config.entityOptions.entityIdStrategy.encodeId(id);
    this.losing = new Map();
  }

  static init(options) {
    ProductWebhooks.options = options;
    return ProductWebhooks;
  }

  async onApplicationBootstrap() {
    if (!ProductWebhooks.options?.url) return;
    const process = job => deliver({ ...ProductWebhooks.options, ...job.data });
    this.queue = await this.queues.createQueue({ name: 'product-webhooks', process });
    this.bus.ofType(core.ProductEvent).subscribe(event => this.product(event));
    this.bus.ofType(core.ProductVariantEvent).subscribe(event => this.variants(event));
    this.bus.ofType(core.AssetEvent).subscribe(event => this.asset(event));
    // Once an asset is gone, nothing says which products had it.
    this.bus.registerBlockingEventHandler({
      id: 'product-webhooks-losing',
      event: core.AssetChannelEvent,
      handler: event => this.remember(event),
    });
  }

  async product(event) {
    const { id } = event.entity;
    const refs = [this.publicId(id), ...(await this.pictured([id]))];
    await this.tell(event, event.type === 'deleted' ? 'product.deleted' : 'product.changed', refs, event.entity.updatedAt);
  }

  async variants(event) {
    const newest = event.entity.map(variant => variant.updatedAt).sort((a, b) => b - a)[0];
    const products = [...new Set(event.entity.map(variant => variant.productId))];
    await this.tell(event, 'product.changed', [...products.map(this.publicId), ...(await this.pictured(products))], newest);
    if (event.type === 'deleted') await this.tell(event, 'product.deleted', event.entity.map(v => this.variantRef(v)), newest);
  }

  async asset(event) {
    const { id } = event.entity;
    const products = event.type === 'created' ? [] : (this.losing.get(id) ?? (await this.showing(event.ctx, id)));
    if (event.type === 'deleted') this.losing.delete(id);
    if (products.length) await this.tell(event, 'product.changed', products.map(this.publicId), event.entity.updatedAt);
  }

  async remember(event) {
    if (event.type === 'removed') this.losing.set(event.asset.id, await this.showing(event.ctx, event.asset.id));
  }

  async showing(ctx, assetId) {
    const products = this.connection.getRepository(ctx, core.Product);
    const found = await products.find({ select: ['id'], where: [{ assets: { assetId } }, { featuredAsset: { id: assetId } }] });
    return found.map(product => product.id);
  }

  // Variants with pictures of their own are known to Packshot as `<product>/<variant>`.
  async pictured(productIds) {
    const variants = this.connection.rawConnection.getRepository(core.ProductVariant).createQueryBuilder('variant');
    const found = await variants.innerJoin('variant.assets', 'asset').where('variant.productId IN (:...productIds)', { productIds }).getMany();
    return found.map(variant => this.variantRef(variant));
  }

  variantRef(variant) {
    return `${this.publicId(variant.productId)}/${this.publicId(variant.id)}`;
  }

  async tell(event, type, refs, changed) {
    const at = new Date(Math.max(event.createdAt, changed ?? 0));
    const author = event.ctx.session?.user?.identifier ?? '';
    const body = JSON.stringify({ type, timestamp: at.toISOString(), data: { refs, author } });
    await this.queue.add({ id: `msg_${randomUUID()}`, body }, { retries: RETRIES });
  }
}

Reflect.defineMetadata(
  'design:paramtypes',
  [core.EventBus, core.JobQueueService, core.TransactionalConnection, core.ConfigService],
  ProductWebhooks,
);
core.VendurePlugin({ imports: [core.PluginCommonModule], compatibility: '^3.0.0' })(ProductWebhooks);
module.exports = { ProductWebhooks };
