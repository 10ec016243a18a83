import { runProgram } from '#cli/program.ts';

// Everything written is out by now (writes are synchronous); waiting for idle connections would only take time.
void runProgram(process.argv.slice(2), process.env).then((exitCode) => process.exit(exitCode));
