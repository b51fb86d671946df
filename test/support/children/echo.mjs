import { leave, next, send } from '../child-process.mjs';

send('ready', { args: process.argv.slice(2), name: process.env.CHILD_NAME });
const { text } = await next('say');
console.log(text);
send('said', { text });
leave();
