/**
 * RFC 3261 16.7 steps 6 and 7: which of several final responses goes back, and whose challenges it carries.
 */
import type { SipMessage } from '../sip/message.ts';
import { HeaderId } from '../sip/header/names.ts';

/**
 * Index of the best of `finals` (none of them a 2xx to INVITE, those go back at once): a 6xx if there is one, else the
 * lowest class, and within 4xx those that tell the caller how to do better first. -1 when there is none.
 */
export function bestOf(finals: readonly { readonly status: number }[]): number {
  let best = -1;
  let bestRank = Number.POSITIVE_INFINITY;
  for (let i = 0; i < finals.length; i++) {
    const rank = rankOf(finals[i]?.status ?? 0);
    if (rank < bestRank) {
      bestRank = rank;
      best = i;
    }
  }
  return best;
}

function rankOf(status: number): number {
  if (status >= 600) return 0;
  if (status < 300) return 1;
  if (status < 400) return 10;
  if (status < 500) {
    switch (status) {
      // "that provide information affecting resubmission of this request" (16.7 step 6)
      case 401:
      case 407:
        return 20;
      case 415:
      case 420:
      case 484:
        return 21;
      // The callee's own answer tells more than an answer about one device.
      case 486:
        return 22;
      case 408:
      case 487:
        return 24;
      default:
        return 23;
    }
  }
  // "avoid 503 if there is another" : a 503 speaks of one server, not of the callee.
  return status === 503 ? 31 : 30;
}

/** 16.7 step 6: a 503 is not passed upstream as it is, lest the caller avoids us. */
export function upstreamStatus(status: number): number {
  return status === 503 ? 500 : status;
}

/** 16.7 step 7: the challenges of all other 401 and 407 responses, to be appended to the chosen one. */
export function otherChallenges(finals: readonly SipMessage[], chosen: number): readonly (readonly [string, string])[] {
  const status = finals[chosen]?.status;
  if (status !== 401 && status !== 407) return [];
  const headers: (readonly [string, string])[] = [];
  finals.forEach((each, index) => {
    if (index === chosen || (each.status !== 401 && each.status !== 407)) return;
    for (const value of each.values(HeaderId.WwwAuthenticate)) headers.push(['WWW-Authenticate', value]);
    for (const value of each.values(HeaderId.ProxyAuthenticate)) headers.push(['Proxy-Authenticate', value]);
  });
  return headers;
}
