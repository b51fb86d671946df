import { request } from 'node:http';
import { asServerFlags, FAST_AND_ROOMY } from './settings.mjs';

const ANSWERS_WITHIN_MS = 1_000;

/** Whether a Docker engine answers where `DOCKER_HOST`, or else the usual socket, says. */
export async function dockerAnswers() {
  const where = target(process.env.DOCKER_HOST || 'unix:///var/run/docker.sock');
  if (where === undefined) return false;
  return new Promise((resolve) => {
    const probe = request({ ...where, path: '/_ping', timeout: ANSWERS_WITHIN_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    probe.once('timeout', () => probe.destroy());
    probe.once('error', () => resolve(false));
    probe.end();
  });
}

function target(host) {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  if (!URL.canParse(host)) return undefined;
  const { hostname, port } = new URL(host);
  return { hostname, port: port || 2375 };
}

/** A throw-away container; testcontainers' reaper removes it should this process die. */
export async function startContainer(major) {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const container = await new PostgreSqlContainer(`postgres:${major}-alpine`)
    .withCommand(['postgres', ...asServerFlags(FAST_AND_ROOMY)])
    .start();
  return { url: container.getConnectionUri(), stop: () => container.stop().then(() => undefined) };
}
