import { readFile } from 'node:fs/promises';

/** PostgreSQL refuses to run as root, so root lends it the user `postgres`, or else `nobody`. */
export async function serverUser() {
  if (process.getuid?.() !== 0) return {};
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const account = accounts.find((fields) => fields[0] === name);
    if (account) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  throw new Error('PostgreSQL does not run as root, and this system has no user "postgres" or "nobody"');
}
