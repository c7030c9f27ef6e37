/** The load of acceptance/load.ts with every datagram from one of 64 random source ports. */
process.argv.push('--spray');
await import('./load.ts');
