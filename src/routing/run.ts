/** Drives a service: one question or decision at a time, so that whoever drives it decides when an answer comes. */
import type { Answers, Decision, Question, RoutingRequest, Service } from './api.ts';

export type Step = { readonly question: Question } | { readonly decision: Decision };

export class ServiceRun {
  readonly #run: Generator<Question, Decision, Answers>;

  /** Nothing runs before the first `start`. */
  constructor(service: Service, request: RoutingRequest) {
    this.#run = service(request);
  }

  start(): Step {
    return asStep(this.#run.next(undefined as Answers));
  }

  answer(value: Answers): Step {
    return asStep(this.#run.next(value));
  }
}

function asStep(result: IteratorResult<Question, Decision>): Step {
  return result.done === true ? { decision: result.value } : { question: result.value };
}
