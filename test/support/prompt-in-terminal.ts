/** The unlock prompt on the terminal it is started in: `prompt-in-terminal.ts SOCKET`. For tests in a real pty. */
import { connectAgent } from '../../provision/unlock/agent-client.ts';
import { askForPassphrase } from '../../provision/unlock/front-end.ts';
import { openTerminal } from '../../provision/unlock/terminal.ts';

const terminal = openTerminal();
terminal.write('quiet now\n');
const agent = await connectAgent('the test', process.argv[2]);
const outcome = await askForPassphrase({ terminal, agent, hostName: 'front-door' });
agent.close();
terminal.restore();
terminal.write(`outcome: ${outcome}\n`);
