/** The routing service of the configuration: the default one, or the default export of the module `routes`. */
import { pathToFileURL } from 'node:url';
import type { Config } from '../../config/config.ts';
import type { Service } from '../../routing/api.ts';
import { defaultService } from '../../routing/default-service.ts';

export async function loadService(config: Config): Promise<Service> {
  if (config.routes === undefined) return defaultService({ authenticate: config.authenticate });
  const module: unknown = await import(pathToFileURL(config.routes).href);
  const service: unknown = typeof module === 'object' && module !== null ? Reflect.get(module, 'default') : undefined;
  if (typeof service !== 'function') {
    throw new TypeError(
      `routes: ${config.routes} must export a routing service as its default export: function* (request) { ... }`,
    );
  }
  return service as Service;
}
