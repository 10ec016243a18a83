/** The containers as Docker's clients see them: what they ask for is decoded, and what they get encoded, by `api/`. */
import { EngineError } from '#base/errors.ts';
import { encodeExec, execOfRequest } from '#api/container/exec.ts';
import { encodeInspect } from '#api/container/encode-inspect.ts';
import { encodeListEntry } from '#api/container/encode-list.ts';
import { encodeStats } from '#api/container/encode-stats.ts';
import { limitsOf } from '#api/container/limits.ts';
import { specOfRequest } from '#api/container/spec-of-request.ts';
import { dockerError, dockerErrorText } from '#api/errors/docker-error.ts';
import type { OwnedContainers } from '#container/engine-containers.ts';
import type { ListRequest } from '#container/container.ts';
import type { ContainerInspect, ContainerSummary, CreateRequest, ExecInspect } from '#wire/container.ts';
import type { ExecRequest } from '#wire/decode-exec.ts';
import type { HostConfig } from '#wire/host-config.ts';
import type { ContainerStatsBody } from '#wire/stats.ts';

interface DockerMethods {
  create(request: CreateRequest, options?: { readonly name?: string }): Promise<{ readonly id: string }>;
  inspect(reference: string, options: { readonly size: boolean }): Promise<ContainerInspect>;
  list(request: ListRequest): Promise<readonly ContainerSummary[]>;
  stats(reference: string): Promise<{ readonly sample: ContainerStatsBody }>;
  update(reference: string, changes: Partial<HostConfig>): Promise<unknown>;
  createExec(reference: string, request: ExecRequest): Promise<{ readonly id: string }>;
  startExec: OwnedContainers['startExec'];
  inspectExec(id: string): ExecInspect;
}

export type DockerContainers = Omit<OwnedContainers, keyof DockerMethods> & DockerMethods;

/** Errors have Docker's texts, too. */
export function dockerContainers(service: OwnedContainers): DockerContainers {
  const methods: DockerMethods = {
    create: async (request, options = {}) =>
      await service.create({ ...specOfRequest(request), requested: request, ...options }),
    inspect: async (reference, options) => encodeInspect(await service.inspect(reference, options)),
    list: async (request) => (await service.list(request)).map((entry) => encodeListEntry(entry)),
    stats: async (reference) => ({ sample: encodeStats(await service.stats(reference)) }),
    update: async (reference, changes) => await service.update(reference, { limits: limitsOf(changes) }),
    createExec: async (reference, request) => await service.createExec(reference, execOfRequest(request)),
    startExec: async (id, options) =>
      await service.startExec(id, { describeFailure: dockerErrorText, ...options }),
    inspectExec: (id) => encodeExec(service.inspectExec(id)),
  };
  const proxy = new Proxy<object>(service, {
    get: (_target, name) => {
      const method: unknown = Reflect.get(methods, name) ?? Reflect.get(service, name);
      if (typeof method !== 'function') return method;
      return (...args: readonly unknown[]) => inDockersWords(() => Reflect.apply(method, service, args));
    },
  });
  if (hasMethodsOf(proxy)) return proxy;
  throw new TypeError('the containers have no create');
}

function hasMethodsOf(value: object): value is DockerContainers {
  return 'create' in value;
}

function inDockersWords(work: () => unknown): unknown {
  try {
    const result = work();
    return result instanceof Promise
      ? result.catch((error: unknown) => Promise.reject(translated(error)))
      : result;
  } catch (error) {
    throw translated(error);
  }
}

function translated(error: unknown): unknown {
  return error instanceof EngineError
    ? new EngineError(error.code, dockerError(error).message, { cause: error })
    : error;
}
