/** Is there a tone in a recording? */
import { readFileSync } from 'node:fs';

export interface Recording {
  readonly samples: Int16Array;
  readonly perSecond: number;
}

/** A WAV file of 16-bit samples, one channel, as baresip's sndfile writes it. */
export function readWav(file: string): Recording {
  const bytes = readFileSync(file);
  const perSecond = bytes.readUInt32LE(24);
  const start = bytes.indexOf('data') + 8;
  const samples = new Int16Array((bytes.length - start) >> 1);
  for (let i = 0; i < samples.length; i += 1) samples[i] = bytes.readInt16LE(start + 2 * i);
  return { samples, perSecond };
}

/** Part of the recording's power that is at `hertz`, 0 to 1 (Goertzel). */
export function toneShare({ samples, perSecond }: Recording, hertz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hertz) / perSecond);
  let [before, beforeThat, power] = [0, 0, 0];
  for (const sample of samples) {
    const now = sample + coefficient * before - beforeThat;
    beforeThat = before;
    before = now;
    power += sample * sample;
  }
  const atTone = before * before + beforeThat * beforeThat - coefficient * before * beforeThat;
  return power === 0 ? 0 : (2 * atTone) / (samples.length * power);
}
