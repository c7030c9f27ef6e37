/** The Date header field of a REGISTER response: RFC 3261 20.17 and 10.3 step 8, in GMT whatever the machine thinks. */

const days = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed']; // 1970-01-01 was a Thursday.
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

let lastSecond = -1;
let lastText = '';

/** `nowMs` since 1970 as `Sat, 13 Nov 2010 23:29:00 GMT`. The text of the last second is kept: thousands of answers share it. */
export function sipDate(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second === lastSecond) return lastText;
  const day = Math.floor(second / 86_400);
  const rest = second - day * 86_400;
  const { year, month, date } = civil(day);
  const clock = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
  lastText = `${days[day % 7]!}, ${two(date)} ${months[month]!} ${String(year).padStart(4, '0')} ${clock} GMT`;
  lastSecond = second;
  return lastText;
}

/** Days since 1970 to the Gregorian calendar, counting in eras of 400 years that begin on 1 March. */
function civil(day: number): { year: number; month: number; date: number } {
  const shifted = day + 719_468; // Days from 0000-03-01 to 1970-01-01.
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapFree =
    dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor(leapFree / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const date = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = (marchMonth + 2) % 12;
  return { year: era * 400 + yearOfEra + (month < 2 ? 1 : 0), month, date };
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
