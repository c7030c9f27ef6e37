/** The routing service of the configuration: the default one, or the default export of the module `routes`. */
import { pathToFileURL } from 'node:url';
import type { Config } from '../../config/config.ts';
import type { Service } from '../../routing/api.ts';
import { defaultService } from '../../routing/default-service.ts';

/** The module `routes` cannot be used; the message is a sentence for whoever wrote it. The name survives the way between threads. */
export class RoutesError extends Error {
  override readonly name = 'RoutesError';
}

/** @throws RoutesError */
export async function loadService(config: Config): Promise<Service> {
  if (config.routes === undefined) return defaultService({ authenticate: config.authenticate });
  const service: unknown = Reflect.get(Object(await load(config.routes)), 'default');
  if (typeof service !== 'function') {
    throw new RoutesError(
      `${config.routes} must export a routing service as its default export: function* (request) { ... }`,
    );
  }
  return service as Service;
}

async function load(file: string): Promise<unknown> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    const [line = ''] = String(error).split(/\n| imported from /);
    throw new RoutesError(`${file} cannot be loaded: ${line}`);
  }
}
